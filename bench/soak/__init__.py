"""The long run: is everything shown or counted as lost, and does memory stay flat?"""
