//! Placeholder until the scan lands.
#![allow(missing_docs)]
pub struct Finding {
    pub what: String,
    pub offset: usize,
}
pub struct SyntaxError {
    pub message: String,
    pub offset: usize,
}
pub struct Scan {
    pub rewritten: String,
    pub syntax_error: Option<SyntaxError>,
    pub mutable_state: Vec<Finding>,
    pub engine_specific: Vec<Finding>,
    pub exports: Vec<String>,
    pub exports_process: bool,
}
pub fn scan(source: &str) -> Scan {
    Scan {
        rewritten: source.to_owned(),
        syntax_error: None,
        mutable_state: vec![],
        engine_specific: vec![],
        exports: vec![],
        exports_process: source.contains("export function process"),
    }
}
