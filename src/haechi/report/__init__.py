"""What an auditor takes away: one stored audit run as a page to read, a sheet to sort and OSCAL to import.

Everything here is made from the record of a run and from nothing else; no host is asked again.
"""
