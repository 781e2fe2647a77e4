//! The Python middleware that was the model: what of it is kept (K) and what is mended (F), in its own words.

mod kept;
mod lives;
mod requests;
mod secrets;
