"""What the running kernel has, as rows and text for people and their editors."""
