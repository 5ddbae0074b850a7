"""A SCIM 2.0 service provider (RFC 7643, RFC 7644) that keeps of people what it takes to put them out, and no more."""
