"""The listener in the dmz: verifies, appends to the inbox, answers. It holds no SSH key and knows no host."""
