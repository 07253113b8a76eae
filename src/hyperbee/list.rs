//! Vitra's shallow listing of a directory (`beeShallowList` of Vitra 0.1.3), with its quirks, because contracts see them.
//!
//! A key is a path whose segments are joined by NUL. A listing asks for the first key behind where it stands, adds the segment
//! below the directory to its result, and goes on behind that segment. Works on text: keys that are no UTF-8 are read with
//! replacement characters, as JavaScript does. What follows from the original:
//!
//! - the end of a directory is `U+00FF`, which is `C3 BF` in UTF-8: children whose names begin with that character or one
//!   above are not listed;
//! - when a *child directory* has such a child in turn, behind all its others, the listing stands still and never ends
//!   ([`ListError::NeverEnds`]);
//! - an entry that is also a directory is one result: `container`, with its entry;
//! - empty segments in keys are passed over.

use std::rc::Rc;

use super::TreeError;
use super::node::Entry;
use super::view::{Bounds, View};

const SEPARATOR: char = '\0';
const LOWEST: &str = "\0";
const HIGHEST: &str = "\u{ff}";

/// One result of a listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Whether there are entries below it.
    pub container: bool,
    /// The last segment of the path; `None` when the path has none.
    pub name: Option<String>,
    /// The path: segments joined and preceded by slashes.
    pub path: String,
    /// The entry itself (Vitra's `seq` and `value`); `None` for what is only a directory.
    pub entry: Option<Rc<Entry>>,
}

/// What a contract may ask of a listing. Vitra takes 0 as absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// From the last to the first.
    pub reverse: bool,
    /// Leaves out so many results at the beginning.
    pub offset: usize,
    /// At most so many results; 0 is all.
    pub limit: usize,
}

/// Why there is no listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Vitra's listing goes round for ever here, until its memory is used up.
    #[error("the listing never ends")]
    NeverEnds,
    /// A value on the way is not one that the caller can decode; Vitra decodes all that it passes, and throws.
    #[error("the value of block {seq} cannot be decoded")]
    Value {
        /// The block.
        seq: u64,
    },
    /// More results than the caller allows.
    #[error("more than {0} results")]
    TooMany(usize),
}

/// Lists the directory `prefix`, given as its non-empty segments (between slashes; they may have NULs inside).
///
/// `decodes` says whether a value can be decoded. `most` bounds the results before offset and limit apply, and so the time.
///
/// # Errors
/// See [`ListError`].
pub fn shallow<V: View + ?Sized>(
    view: &V,
    prefix: &[&str],
    options: ListOptions,
    most: usize,
    decodes: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Listed>, ListError> {
    let mut listed = all(view, prefix, most, decodes)?;
    if options.reverse {
        listed.reverse();
    }
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    Ok(listed.into_iter().skip(options.offset).take(limit).collect())
}

fn all<V: View + ?Sized>(
    view: &V,
    prefix: &[&str],
    most: usize,
    decodes: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Listed>, ListError> {
    let depth = prefix.len();
    let mut base = join(prefix);
    if depth > 0 {
        base.push(SEPARATOR);
    }
    let top = format!("{base}{HIGHEST}");
    let mut bottom = format!("{base}{LOWEST}");
    let mut listed: Vec<Listed> = Vec::new();
    let mut last_leaf: Option<usize> = None;
    let mut rounds = Rounds::new(&bottom);
    while let Some(entry) = view.peek(Bounds::between(bottom.as_bytes(), top.as_bytes()))? {
        if entry.value().is_some_and(|value| !decodes(value)) {
            return Err(ListError::Value { seq: entry.seq() });
        }
        if listed.len() >= most {
            return Err(ListError::TooMany(most));
        }
        let key = String::from_utf8_lossy(entry.key());
        let segments: Vec<&str> = key.split(SEPARATOR).filter(|segment| !segment.is_empty()).collect();
        let next;
        if let Some(directory) = segments.get(..=depth).filter(|_| segments.len() > depth + 1) {
            let path = path(directory);
            match last_leaf.and_then(|i| listed.get_mut(i)).filter(|leaf| leaf.path == path) {
                Some(leaf) => leaf.container = true,
                None => listed.push(Listed { container: true, name: name(directory), path, entry: None }),
            }
            next = format!("{}{SEPARATOR}{HIGHEST}", join(directory));
        } else {
            next = join(&segments);
            last_leaf = Some(listed.len());
            listed.push(Listed { container: false, name: name(&segments), path: path(&segments), entry: Some(entry) });
        }
        if next == bottom || rounds.repeats(&next) {
            return Err(ListError::NeverEnds);
        }
        bottom = next;
    }
    Ok(listed)
}

fn join(segments: &[&str]) -> String {
    segments.join("\0")
}

fn path(segments: &[&str]) -> String {
    format!("/{}", segments.join("/"))
}

fn name(segments: &[&str]) -> Option<String> {
    segments.last().map(|&name| name.to_owned())
}

/// Notices when a listing comes to where it was before: each step depends on that place alone, so it never ends. (Brent's
/// method: in an honest tree the places rise and standing still is the only way; in a tampered one anything goes.)
struct Rounds {
    kept: String,
    steps: u64,
    until: u64,
}

impl Rounds {
    fn new(place: &str) -> Self {
        Self { kept: place.to_owned(), steps: 0, until: 1 }
    }

    fn repeats(&mut self, place: &str) -> bool {
        if self.kept == place {
            return true;
        }
        self.steps += 1;
        if self.steps == self.until {
            self.until = self.until.saturating_mul(2);
            place.clone_into(&mut self.kept);
        }
        false
    }
}
