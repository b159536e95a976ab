//! clap types only: the commands, their flags and values.
