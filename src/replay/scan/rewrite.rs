//! Two expressions are routed through a helper; everything else reaches QuickJS as it was written.
//!
//! `{...x}` becomes `{...HELPER.spread(x)}` and `a in b` becomes `HELPER.in(a, b)`. Both are insertions around existing
//! expressions (for `in`, the operator becomes a comma), so lines, evaluation order, directives and the names that
//! functions get from their context stay. A call binds tighter than the operator it replaces, and arguments
//! accept whatever the operands were, so no parentheses are needed. `#x in o` and the head of `for (k in o)` are other
//! nodes and stay.
//!
//! Object *rest* patterns need no rewriting: QuickJS converts the value to an object before it copies.
//! (`tests/scan.rs` asserts that of the pinned version.)

use oxc_ast::AstKind;
use oxc_ast::ast::{BinaryExpression, BinaryOperator};
use oxc_semantic::Semantic;
use oxc_span::{GetSpan, Span};

use super::Findings;

/// The free identifier through which a rewritten contract reaches the runtime's helper object
/// `{ spread(value), in(key, object) }`.
pub const HELPER: &str = "__vitraWatchHelper";

/// An edit: at `offset`, leave out `removed` bytes and insert `text`.
struct Edit {
    offset: u32,
    /// Order among edits at one place: closing ones first (inner before outer), then opening ones (outer before inner).
    rank: (bool, i64),
    removed: u32,
    text: String,
}

/// The source with spreads and `in` routed through the helper. A source that knows the helper's name is left alone.
pub fn rewritten(source: &str, semantic: &Semantic<'_>, engine: &mut Findings<'_>) -> String {
    if let Some(offset) = mention(source) {
        engine.add(offset, "the source names the helper of the replay");
        return source.to_owned();
    }
    let mut edits = Vec::new();
    for node in semantic.nodes().iter() {
        match node.kind() {
            AstKind::SpreadElement(spread) => {
                if matches!(semantic.nodes().parent_kind(node.id()), AstKind::ObjectExpression(_)) {
                    wrap(&mut edits, spread.argument.span(), &format!("{HELPER}.spread("));
                }
            }
            AstKind::BinaryExpression(binary) if binary.operator == BinaryOperator::In => {
                let Some(operator) = operator_offset(source, semantic, binary) else {
                    engine.add(binary.span.start, "an `in` expression that could not be rewritten");
                    continue;
                };
                wrap(&mut edits, binary.span, &format!("{HELPER}.in("));
                edits.push(Edit { offset: operator, rank: (true, 0), removed: 2, text: ", ".to_owned() });
            }
            _ => {}
        }
    }
    apply(source, edits)
}

/// Where the source mentions the helper's name, escapes in identifiers included (then: any escape at all).
fn mention(source: &str) -> Option<u32> {
    let plain = source.find(HELPER);
    let escaped = || source.contains("\\u").then(|| unescaped(source).find(HELPER)).flatten().map(|_| 0);
    plain.or_else(escaped).and_then(|offset| u32::try_from(offset).ok())
}

/// The text with `\uXXXX` and `\u{X}` of ASCII characters replaced.
fn unescaped(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("\\u") {
        text.push_str(before);
        let (digits, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((digits, tail)) if digits.len() <= 16 => (digits, tail),
            _ => match after.split_at_checked(4) {
                Some(parts) => parts,
                None => ("", after),
            },
        };
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(character) => {
                text.push(character);
                rest = tail;
            }
            None => rest = after,
        }
    }
    text.push_str(rest);
    text
}

fn wrap(edits: &mut Vec<Edit>, span: Span, open: &str) {
    let size = i64::from(span.size());
    edits.push(Edit { offset: span.start, rank: (true, -size), removed: 0, text: open.to_owned() });
    edits.push(Edit { offset: span.end, rank: (false, size), removed: 0, text: ")".to_owned() });
}

/// Offset of the operator `in` between the operands: the first thing there that is neither blank nor comment.
fn operator_offset(source: &str, semantic: &Semantic<'_>, binary: &BinaryExpression<'_>) -> Option<u32> {
    let (mut at, end) = (binary.left.span().end, binary.right.span().start);
    loop {
        let rest = source.get(at as usize..end as usize)?;
        let blank = rest.len().checked_sub(rest.trim_start_matches(is_blank).len())?;
        at = at.checked_add(u32::try_from(blank).ok()?)?;
        let rest = source.get(at as usize..end as usize)?;
        if rest.starts_with("in") {
            return Some(at);
        }
        let comments = semantic.comments();
        let next = comments.partition_point(|comment| comment.span.start < at);
        let comment = comments.get(next).filter(|comment| comment.span.start == at)?;
        at = comment.span.end;
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

fn apply(source: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.offset, edit.rank));
    let extra: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut text = String::with_capacity(source.len().saturating_add(extra));
    let mut done = 0usize;
    for edit in edits {
        text.push_str(source.get(done..edit.offset as usize).unwrap_or(""));
        text.push_str(&edit.text);
        done = (edit.offset as usize).saturating_add(edit.removed as usize);
    }
    text.push_str(source.get(done..).unwrap_or(""));
    text
}
