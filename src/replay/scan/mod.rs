//! What a contract's source tells before it runs: found once per contract, by parsing it.
//!
//! # Why
//!
//! An accusation by replay says: this contract, given this state and this operation, could not have produced that
//! change. Three things make the sentence false although replay and log differ, and the source shows them:
//!
//! - *Module state.* Executors run `process`, `apply` and every call in one realm and restart when they like, so
//!   whatever functions leave behind in the realm is an input that no log holds. [`Scan::mutable_state`] lists
//!   every place that may leave something behind; empty means that the scan has followed every long-lived object to
//!   the end and found nothing that writes to it (see `purity` for what is followed and what is assumed).
//! - *Engines.* The executor's V8 may be as old as 8.6, the replay's engine is QuickJS. [`Scan::engine_specific`]
//!   lists syntax that only some of them accept or on which they are known to differ.
//!   [`Scan::beyond_plain`] is the other way round: what has not been shown equal in all of them.
//! - *A bug.* QuickJS copies nothing for `{...'text'}`; [`Scan::rewritten`] routes object spreads through a helper
//!   that converts strings to objects first. It routes `a in b` through the helper too, so that the runtime
//!   notices a contract that asks whether a newer method exists.
//!
//! # What is promised
//!
//! Contracts are hostile text. The scan never panics and never overflows the stack: it runs on a thread whose stack is
//! large enough for [`MAX_TOKENS`] levels of nesting, and a text that might have more is not parsed at all. Then, and
//! when the parser itself fails, the answer is the most cautious one: state, engine-specific, `process` exported.
//!
//! Errors are one-sided: a false entry in `mutable_state` or `engine_specific` weakens a verdict, a missing one could
//! accuse an honest executor. So whatever is not understood is reported.
//!
//! # What is not
//!
//! Whether a listed place is ever reached, what native code does on absurd input, time, randomness, and the
//! names of newer *methods* (the runtime watches those).

mod advice;
mod guarded;
pub mod plain;
mod purity;
mod repeatable;
mod rewrite;
mod syntax;

use oxc_allocator::Allocator;
use oxc_ast::ast::LabeledStatement;
use oxc_ast_visit::{Visit, walk::walk_labeled_statement};
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

pub use rewrite::HELPER;

/// The longest source that is parsed, in bytes.
pub const MAX_SOURCE: usize = 4 << 20;

/// The most tokens a source may have, counted generously: every punctuation character and every word, those in
/// strings and comments too. No syntax nests without a token for each level, so this bounds the depth of the
/// tree without having to tell strings from regular expressions first. About 1 MB of ordinary code.
pub const MAX_TOKENS: usize = 300_000;

/// The most mentions of `await`: the parser takes quadratic time for `await await await ...`.
const MAX_AWAITS: usize = 5_000;

/// The deepest nesting of labels: the semantic analysis takes quadratic time for `a: b: c: ...`.
const MAX_LABELS: usize = 100;

/// Stack of the parsing thread: [`MAX_TOKENS`] levels, each well below [`STACK_PER_LEVEL`] in optimised builds
/// (`tests/scan.rs` measures). Only the pages that are touched cost memory.
const STACK: usize = MAX_TOKENS * STACK_PER_LEVEL;
const STACK_PER_LEVEL: usize = 3 << 10;

/// The most findings of one sort that are kept.
const MAX_FINDINGS: usize = 64;

/// A place in the source, and what was found there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A sentence fragment, with source text of the contract in it: escape it for the sink.
    pub what: String,
    /// Byte offset in the source.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Why a source is no ECMAScript module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The parser's message; not the text an executor's engine would give.
    pub message: String,
    /// Byte offset in the source, where the parser knows it.
    pub offset: usize,
}

/// Everything the source of a contract says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The source for QuickJS, with as many lines as the original.
    pub rewritten: String,
    /// None when the source is an ECMAScript module (of any edition), or was not parsed at all.
    pub syntax_error: Option<SyntaxError>,
    /// Where functions may change what outlives a call. Empty: they provably do not.
    pub mutable_state: Vec<Finding>,
    /// Syntax that not every executor's engine accepts, or that QuickJS and V8 are known to read differently.
    pub engine_specific: Vec<Finding>,
    /// What is outside the white list of `plain`, on which all engines agree. Empty: the contract is plain.
    pub beyond_plain: Vec<Finding>,
    /// Where the contract may look at what no engine repeats, in whatever engine. Empty: only at operation and state.
    pub unrepeatable: Vec<Finding>,
    /// Specifiers of the static imports, in source order, each once.
    pub imports: Vec<String>,
    /// Names of the exports that are plainly functions, in source order.
    pub exports: Vec<String>,
    /// Whether `process` is exported (also when that cannot be told).
    pub exports_process: bool,
    /// Operations provably never write below `/.sys` past the runtime's guard.
    pub guarded: bool,
}

/// Scans a contract's source. Never fails: see the module's header for what it says when it cannot tell.
pub fn scan(source: &str) -> Scan {
    let awaits = source.matches("await").take(MAX_AWAITS.saturating_add(1)).count();
    if source.len() > MAX_SOURCE || tokens_at_most(source) > MAX_TOKENS || awaits > MAX_AWAITS {
        return not_analysable(source, "too large to be analysed");
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("scan".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || parsed(source))
            .ok()
            .and_then(|thread| thread.join().ok())
    })
    .unwrap_or_else(|| not_analysable(source, "cannot be analysed"))
}

/// What its author should know of a contract's source, beside what [`scan`] finds: where it reads the clock, what is not
/// known yet when it runs, paths below `/.sys`, loops without a bound. Empty for a source that is not parsed.
pub fn advice(source: &str) -> Vec<Finding> {
    if source.len() > MAX_SOURCE || tokens_at_most(source) > MAX_TOKENS {
        return Vec::new();
    }
    let work = || {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
        let mut adviser = advice::Adviser::default();
        adviser.visit_program(&parsed.program);
        let mut findings = Findings::new(source);
        for (offset, what) in adviser.found {
            findings.add(offset, &what);
        }
        findings.finish()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("scan".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        thread.ok().and_then(|thread| thread.join().ok())
    })
    .unwrap_or_default()
}

fn parsed(source: &str) -> Scan {
    let allocator = Allocator::default();
    let parse = |parse_regular_expression| {
        let options = ParseOptions { parse_regular_expression, ..ParseOptions::default() };
        Parser::new(&allocator, source, SourceType::mjs()).with_options(options).parse()
    };
    let mut parsed = parse(true);
    // A bad pattern fails the module in some engines, and only its own evaluation in V8 8.6.
    let bad_pattern = parsed.panicked || parsed.diagnostics.errors().next().is_some();
    if bad_pattern {
        parsed = parse(false);
    }
    let mut scan = Scan {
        rewritten: source.to_owned(),
        syntax_error: None,
        mutable_state: Vec::new(),
        engine_specific: Vec::new(),
        beyond_plain: vec![Finding { what: "it does not parse".to_owned(), offset: 0, line: 1, column: 1 }],
        unrepeatable: vec![Finding { what: "it does not parse".to_owned(), offset: 0, line: 1, column: 1 }],
        imports: Vec::new(),
        exports: Vec::new(),
        exports_process: false,
        guarded: false,
    };
    let error = parsed.diagnostics.errors().next().map(|error| SyntaxError {
        message: error.message.to_string(),
        offset: error.labels.first().map_or(0, |label| label.offset() as usize),
    });
    if parsed.panicked || error.is_some() {
        scan.syntax_error = error.or_else(|| Some(SyntaxError { message: "the parser gave up".to_owned(), offset: 0 }));
        scan.exports_process = true;
        return scan;
    }
    let mut labels = Labels { depth: 0, deepest: 0 };
    labels.visit_program(&parsed.program);
    if labels.deepest > MAX_LABELS {
        return not_analysable(source, "too deeply nested to be analysed");
    }
    let built = SemanticBuilder::new().with_build_nodes(true).with_check_syntax_error(true).build(&parsed.program);
    if let Some(error) = built.diagnostics.errors().next() {
        scan.syntax_error = Some(SyntaxError {
            message: error.message.to_string(),
            offset: error.labels.first().map_or(0, |label| label.offset() as usize),
        });
        scan.exports_process = true;
        return scan;
    }
    let semantic = built.semantic;
    let mut engine = Findings::new(source);
    if bad_pattern {
        engine.add(0, "a regular expression that engines refuse at different times");
    }
    syntax::engine_specific(&semantic, &mut engine);
    scan.imports = syntax::imports(&parsed.program, &mut engine);
    (scan.exports, scan.exports_process) = syntax::exports(&semantic);
    scan.rewritten = rewrite::rewritten(source, &semantic, &mut engine);
    scan.engine_specific = engine.finish();
    let mut looks = Findings::new(source);
    repeatable::unrepeatable(&semantic, &mut looks);
    scan.unrepeatable = looks.finish();
    let mut state = Findings::new(source);
    purity::mutable_state(&semantic, &mut state);
    scan.mutable_state = state.finish();
    let mut beyond = Findings::new(source);
    if bad_pattern {
        beyond.add(0, "a regular expression that engines refuse at different times");
    }
    plain::beyond_plain(&semantic, &mut beyond);
    scan.beyond_plain = beyond.finish();
    scan.guarded = scan.mutable_state.is_empty() && guarded::is_guarded(&semantic);
    scan
}

/// Finds out how deeply labels nest.
struct Labels {
    depth: usize,
    deepest: usize,
}

impl<'a> Visit<'a> for Labels {
    fn visit_labeled_statement(&mut self, labeled: &LabeledStatement<'a>) {
        self.depth = self.depth.saturating_add(1);
        self.deepest = self.deepest.max(self.depth);
        walk_labeled_statement(self, labeled);
        self.depth = self.depth.saturating_sub(1);
    }
}

/// The answer about a text that was not looked into.
fn not_analysable(source: &str, why: &str) -> Scan {
    let finding = Finding { what: why.to_owned(), offset: 0, line: 1, column: 1 };
    Scan {
        rewritten: source.to_owned(),
        syntax_error: None,
        mutable_state: vec![finding.clone()],
        engine_specific: vec![finding.clone()],
        beyond_plain: vec![finding.clone()],
        unrepeatable: vec![finding],
        imports: Vec::new(),
        exports: Vec::new(),
        exports_process: true,
        guarded: false,
    }
}

/// An upper bound of the number of tokens: words, and every other character that is not white space.
fn tokens_at_most(source: &str) -> usize {
    let mut count = 0usize;
    let mut in_word = false;
    for byte in source.bytes() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
        let blank = byte.is_ascii_whitespace();
        if (word && !in_word) || (!word && !blank) {
            count = count.saturating_add(1);
        }
        in_word = word;
    }
    count
}

/// Findings while they are gathered: one per place, in source order, bounded.
struct Findings<'s> {
    source: &'s str,
    found: std::collections::BTreeMap<usize, String>,
}

impl<'s> Findings<'s> {
    fn new(source: &'s str) -> Self {
        Self { source, found: std::collections::BTreeMap::new() }
    }

    /// Notes a finding at a byte offset; the first one at a place stays.
    fn add(&mut self, offset: u32, what: &str) {
        if self.found.len() < MAX_FINDINGS {
            self.found.entry(offset as usize).or_insert_with(|| what.to_owned());
        }
    }

    fn finish(self) -> Vec<Finding> {
        let mut position = (1usize, 1usize);
        let mut done = 0usize;
        let mut all = Vec::with_capacity(self.found.len());
        for (offset, what) in self.found {
            let mut previous = '\0';
            for character in self.source.get(done..offset).unwrap_or("").chars() {
                let ends_line = matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}');
                if ends_line && !(character == '\n' && previous == '\r') {
                    position = (position.0.saturating_add(1), 1);
                } else if !ends_line {
                    position.1 = position.1.saturating_add(1);
                }
                previous = character;
            }
            done = offset;
            all.push(Finding { what, offset, line: position.0, column: position.1 });
        }
        all
    }
}
