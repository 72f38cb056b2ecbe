"""One run of cases against an endpoint: what to send, what came of it, what that says about every constraint."""
