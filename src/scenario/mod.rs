//! The scenario language: the file as written, the story as meant, templates, expectations, running stories.

pub mod file;
pub mod template;
