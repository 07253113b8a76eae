//! The bones of HTML, XML and SVG: tags and the names of attributes, without text. If a string changes them, it was not escaped.

/// Elements of HTML that have no end.
const VOID: [&str; 5] = ["meta", "link", "img", "br", "hr"];

/// The bones; panics where the text is not well-formed.
pub fn bones(text: &str) -> Vec<String> {
    let mut bones = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        entities(&rest[..start]);
        let tag = &rest[start + 1..];
        let end = end_of_tag(tag);
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if inside.starts_with('?') || inside.starts_with('!') {
            continue;
        }
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "at {:?}", &rest[..rest.len().min(60)]);
            bones.push(inside.to_owned());
            continue;
        }
        let closed = inside.ends_with('/');
        let inside = inside.trim_end_matches('/');
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        bones.push(format!("{name} {}", names(attributes)));
        if !closed && !VOID.contains(&name) {
            open.push(name);
        }
    }
    entities(rest);
    assert_eq!(open, Vec::<&str>::new());
    bones
}

fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (at, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' => panic!("< in a tag: {:?}", &tag[..at]),
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("an open tag");
}

/// The names of the attributes, each of which has a value in double quotes.
fn names(attributes: &str) -> String {
    let mut names = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let Some((name, value)) = rest.split_once("=\"") else {
            names.push(rest.to_owned());
            break;
        };
        assert!(name.chars().all(|c| c.is_ascii_alphabetic() || "-:".contains(c)), "{name:?}");
        let (value, after) = value.split_once('"').unwrap();
        entities(value);
        names.push(name.to_owned());
        rest = after.trim_start();
    }
    names.join(" ")
}

/// Every `&` begins an entity that XML knows too.
fn entities(text: &str) {
    for rest in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|name| rest.starts_with(name)), "&{rest:.20}");
    }
}

#[test]
fn bones_are_seen() {
    assert_eq!(bones("<a href=\"x\" b=\"&lt;\">t&amp;<br>x</a>"), ["a href b", "br ", "/a"]);
    for wrong in ["<a>", "<a></b>", "a & b", "<a x=\"<\"></a>", "</a>"] {
        assert!(std::panic::catch_unwind(|| bones(wrong)).is_err(), "{wrong}");
    }
}
