"""The reference endpoint: behaves as far as the real one is known, and misbehaves on demand."""
