//! The emulator behind the embedded shells (vt100) with the widget that draws it,
//! the encoding of keys for a pty, and what the shell integration says (lines
//! entered). Uses no other part.
