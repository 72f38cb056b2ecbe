"""Recorded traffic, held against a contract: read from any form in which it is kept, judged without any I/O."""
