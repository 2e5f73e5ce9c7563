//! The scenario language: the file as written, the story as meant, templates, expectations, running stories.

pub mod check;
pub mod file;
pub mod load;
pub mod template;
