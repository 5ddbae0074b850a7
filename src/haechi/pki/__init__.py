"""Certificates of the site: whom hosts trust, who may have one, and which are revoked."""
