//! Answer envelopes per family. To be written.
