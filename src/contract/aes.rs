//! AES of the calling API. To be written.
