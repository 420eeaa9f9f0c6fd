// Exists so that one target owns the precompiled header that all others reuse.
