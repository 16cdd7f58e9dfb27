"""Videos of requests: which may be named, how they come here, and that each is indexed once."""
