"""Where cases are sent: a live URL, or the reference endpoint in this process."""
