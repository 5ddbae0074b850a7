"""What people look at: the page, the metrics, the alerts."""
