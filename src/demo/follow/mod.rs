//! What students see of a demonstration in their own terminals: what the two ends say to
//! each other, the code, and the follower's screen. Pure; the sockets are the composition
//! root's.

pub mod code;
pub mod reader;
mod view;
pub mod wire;

pub use code::Code;
