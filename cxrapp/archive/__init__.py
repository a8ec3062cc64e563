"""The hospital's archive (PACS), over DICOMweb; no connection is made unless it is set up."""
