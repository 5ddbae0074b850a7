"""What people look at: who is being put out, what is proven, what is open, and what waits for them."""
