"""What runs on managed hosts: standard library only."""
