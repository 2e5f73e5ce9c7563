//! Typed bodies of every callback. To be written.
