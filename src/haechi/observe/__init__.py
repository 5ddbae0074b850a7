"""What was seen: observations in one numbered schema, of four kinds, and the doors that read them."""
