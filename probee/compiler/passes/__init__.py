"""IR to better IR, one file a pass; `order.py` has them in order. What they share stands beside."""
