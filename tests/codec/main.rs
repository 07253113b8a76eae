//! The decoder, the encoder and the boundary of values, against msgpackr itself: 1.5.2 and 1.12.1 with their add-ons.
//!
//! The rule: what our decoder reads without calling it peculiar is what every version reads, unchanged by a second journey
//! through msgpackr; what it calls malformed no version reads. What a contract makes arrives as we say, or is tainted. And
//! ordinary values are not peculiar, so that nothing is hidden by caution.
//!
//! ```text
//! VITRA_WATCH_CODEC_VALUES=10000000 cargo test --release --locked --test codec -- --nocapture
//! ```
//!
//! `VITRA_WATCH_CODEC_SEED` begins elsewhere.

mod dump;
mod edges;
mod generate;
mod made;
#[path = "../common/node.rs"]
mod node;
mod versions;

use std::collections::BTreeMap;
use std::time::Instant;

use generate::Generator;
use made::Made;
use versions::{Answer, Answers, Batch, OLD, VERIFIER, Versions};
use vitra_watch::database::{DecodeError, Value, decode, encode};
use vitra_watch::replay::engine::{
    AckView, Applied, Budget, Delivery, Dialect, Outcome, Realm, Surroundings, on_big_stack,
};
use vitra_watch::replay::state::Empty;

/// Values of one batch: large enough that the pipes cost nothing, small enough that three versions hold a few.
const BATCH: usize = 2_000;

const AROUND: Surroundings = Surroundings {
    clock: 1_700_000_000_000.0,
    seed: 7,
    writer: true,
    locale: 0,
    dialect: Dialect::New,
    delivery: Delivery::Asked,
};

fn wanted() -> usize {
    let set = std::env::var("VITRA_WATCH_CODEC_VALUES").ok();
    set.map_or(40_000, |text| text.parse().expect("VITRA_WATCH_CODEC_VALUES is a number"))
}

fn seed() -> u64 {
    let set = std::env::var("VITRA_WATCH_CODEC_SEED").ok();
    set.map_or(16, |text| text.parse().expect("VITRA_WATCH_CODEC_SEED is a number"))
}

/// One question.
enum Asked {
    /// Bytes of any kind.
    Bytes(Vec<u8>),
    /// An ordinary value, encoded.
    Ordinary(Value, Vec<u8>),
    /// A value that a contract makes.
    Made(Made),
}

/// What was counted, and what was wrong.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, u64>,
    wrong: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn wrong(&mut self, kind: impl Into<String>, example: impl FnOnce() -> String) {
        let examples = self.wrong.entry(kind.into()).or_default();
        if examples.len() < 8 {
            examples.push(example());
        }
        self.count("WRONG");
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(120).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 120 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}

fn run(realm: &mut Realm, op: &Value, dialect: Dialect) -> Applied {
    let origin = "ab".repeat(32);
    let ack = AckView { origin: &origin, seq: 0, ts: 1_700_000_000_123.0, metadata: &Value::Undefined };
    realm.apply(op, &ack, Surroundings { dialect, ..AROUND }, &Empty)
}

fn load(source: &str) -> Realm {
    Realm::load(source, &"cd".repeat(32), Budget::default(), AROUND, &Empty).unwrap()
}

/// The value that a run has put, or `None` when it failed.
fn put(applied: &Applied) -> Option<&Value> {
    match &applied.outcome {
        Outcome::Success { changes, .. } => changes.first().and_then(|change| change.put.as_ref()),
        _ => None,
    }
}

/// The bytes of a value as msgpackr 1.5 packs it, from those of 1.12: 64 to 127 take two bytes.
fn of_1_5(value: &Value) -> Option<Vec<u8>> {
    fn small(value: &Value) -> bool {
        match value {
            Value::Num(n) => !(64.0..128.0).contains(n) || n.fract() != 0.0,
            Value::Array(items) => items.iter().all(small),
            Value::Object(pairs) => pairs.iter().all(|(_, value)| small(value)),
            _ => true,
        }
    }
    small(value).then(|| encode(value))
}

fn has_nan(value: &Value) -> bool {
    match value {
        Value::Num(n) => n.is_nan(),
        Value::Array(items) => items.iter().any(has_nan),
        Value::Object(pairs) => pairs.iter().any(|(_, value)| has_nan(value)),
        _ => false,
    }
}

fn check_bytes(bytes: &[u8], answers: &[Answer<'_>], echo: Option<&mut Realm>, tally: &mut Tally) {
    let decoded = match decode(bytes) {
        Err(DecodeError::Malformed { why, .. }) => {
            tally.count("malformed");
            for (version, answer) in answers.iter().enumerate() {
                if *answer != Answer::Unreadable {
                    tally.wrong(format!("called malformed ({why}), but {} reads it", versions::name(version)), || {
                        format!("{}: {}", hex(bytes), hex(answer.read().unwrap_or_default()))
                    });
                }
            }
            return;
        }
        Err(DecodeError::Peculiar { .. }) => return tally.count("not decoded"),
        Ok(decoded) => decoded,
    };
    let ours = dump::dump(&decoded.value);
    if decoded.peculiar {
        let alike = answers.iter().all(|answer| answer.read() == Some(&ours[..]));
        tally.count(if alike { "peculiar, read alike" } else { "peculiar" });
        if decoded.value.is_plain() {
            // Plain values may come from peculiar bytes; nothing follows.
            tally.count("peculiar bytes of a plain value");
        }
        return;
    }
    tally.count("decoded");
    for (version, answer) in answers.iter().enumerate() {
        let name = versions::name(version);
        let example = |theirs: &[u8]| format!("{}: ours {}, theirs {}", hex(bytes), hex(&ours), hex(theirs));
        match answer {
            Answer::Unreadable => tally.wrong(format!("{name} does not read it"), || example(b"")),
            Answer::Unpackable { read } if *read == &ours[..] => {
                tally.wrong(format!("{name} cannot pack it"), || example(read));
            }
            Answer::Unpackable { read } => tally.wrong(format!("{name} reads it differently"), || example(read)),
            Answer::Read { read, .. } if *read != &ours[..] => {
                tally.wrong(format!("{name} reads it differently"), || example(read));
            }
            Answer::Read { again, .. } if *again != &ours[..] => {
                tally.wrong(format!("{name} changes it on the way"), || example(again));
            }
            Answer::Read { packed, .. } => {
                let own = if version == OLD { of_1_5(&decoded.value) } else { Some(encode(&decoded.value)) };
                // A NaN keeps the bits with which it came; it is read as NaN.
                if !has_nan(&decoded.value) && own.as_deref().is_some_and(|own| own != *packed) {
                    tally.wrong(format!("{name} packs it differently"), || example(packed));
                }
            }
        }
    }
    if let Some(realm) = echo {
        let applied = run(realm, &decoded.value, Dialect::New);
        let arrived = put(&applied).map(dump::dump);
        let clean = applied.taint.is_clean() && !applied.taint.dialect;
        if clean && arrived.as_deref() != Some(&ours[..]) {
            tally.wrong("our engine changes it", || format!("{}: {:?}", hex(bytes), applied.outcome));
        }
        if !clean && decoded.value.is_plain() {
            tally.wrong("a plain value taints", || format!("{}: {:?}", hex(bytes), applied.taint));
        }
        tally.count(if clean { "echoed" } else { "echoed, tainted" });
    }
}

/// The same rule for the JavaScript verifier: what it is certain of, every version reads, or none.
fn check_verifier(bytes: &[u8], certain: Answer<'_>, answers: &[Answer<'_>], tally: &mut Tally) {
    for (version, answer) in answers.iter().enumerate() {
        let agrees = match (certain, answer) {
            (Answer::Unreadable, Answer::Unreadable) | (Answer::Unpackable { .. }, _) => true,
            (Answer::Read { read: ours, .. }, Answer::Read { read, again, .. }) => ours == *read && ours == *again,
            _ => false,
        };
        if !agrees {
            tally.wrong(format!("the JavaScript verifier differs from {}", versions::name(version)), || {
                let shown = |answer: Answer<'_>| answer.read().map(hex);
                format!("{}: verifier {:?}, theirs {:?}", hex(bytes), shown(certain), shown(*answer))
            });
        }
    }
    tally.count(match certain {
        Answer::Unreadable => "verifier: malformed",
        Answer::Unpackable { .. } => "verifier: peculiar",
        Answer::Read { .. } => "verifier: decoded",
    });
}

fn check_made(made: &Made, answers: &[Answer<'_>], realm: &mut Realm, tally: &mut Tally) {
    let description = made.description();
    let new = run(realm, &description, Dialect::New);
    // With msgpackr's add-on, which is loaded here, text with a lone surrogate arrives as we say.
    let certain = |name: &str| name == "text with an unpaired surrogate";
    if !new.taint.nondeterministic.is_empty() || !new.taint.engine.iter().all(|name| certain(name)) {
        return tally.count("made, tainted");
    }
    let old = new.taint.dialect.then(|| run(realm, &description, Dialect::Old));
    tally.count(match (&old, new.taint.engine.is_empty()) {
        (Some(_), _) => "made, by version",
        (None, true) => "made",
        (None, false) => "made, with lone surrogates",
    });
    for (version, answer) in answers.iter().enumerate() {
        let ours = old.as_ref().filter(|_| version == OLD).unwrap_or(&new);
        let (ours, theirs) = (
            put(ours).map(dump::dump),
            match answer {
                Answer::Read { again, .. } => Some(*again),
                _ => None,
            },
        );
        if ours.as_deref() != theirs {
            tally.wrong(format!("{} makes something else of it", versions::name(version)), || {
                format!("{made:?}: ours {:?}, theirs {:?}", ours.as_deref().map(hex), theirs.map(hex))
            });
        }
    }
}

fn check(asked: &[Asked], answers: &[Answers], realms: &mut [Realm; 2], tally: &mut Tally) {
    let mut answers: Vec<_> = answers.iter().map(Answers::iter).collect();
    for (number, asked) in asked.iter().enumerate() {
        let answers: Vec<Answer<'_>> = answers.iter_mut().map(|answers| answers.next().unwrap()).collect();
        let (answers, verifier) = (&answers[..VERIFIER], answers[VERIFIER]);
        let echo = number % 4 == 0;
        if let Asked::Bytes(bytes) | Asked::Ordinary(_, bytes) = asked {
            check_verifier(bytes, verifier, answers, tally);
        }
        match asked {
            Asked::Bytes(bytes) => check_bytes(bytes, answers, echo.then_some(&mut realms[0]), tally),
            Asked::Ordinary(value, bytes) => {
                check_bytes(bytes, answers, echo.then_some(&mut realms[0]), tally);
                let peculiar = decode(bytes).map_or(true, |decoded| decoded.peculiar);
                tally.count(if peculiar { "ordinary, PECULIAR" } else { "ordinary" });
                tally.count(if value.is_plain() { "ordinary and plain" } else { "ordinary, not plain" });
                if matches!(verifier, Answer::Unpackable { .. }) {
                    tally.wrong("the JavaScript verifier calls an ordinary value peculiar", || hex(bytes));
                }
                if peculiar {
                    tally.wrong("an ordinary value is called peculiar", || hex(bytes));
                }
            }
            Asked::Made(made) => check_made(made, answers, &mut realms[1], tally),
        }
    }
}

/// The questions of one batch.
fn ask(generator: &mut Generator, count: usize) -> Vec<Asked> {
    (0..count)
        .map(|_| match generator.below(20) {
            0..=11 => Asked::Bytes(generator.bytes()),
            12..=16 => {
                let value = generator.ordinary(3);
                let bytes = encode(&value);
                Asked::Ordinary(value, bytes)
            }
            _ => Asked::Made(generator.made(2)),
        })
        .collect()
}

fn batch(asked: &[Asked]) -> Batch {
    let mut batch = Batch::default();
    for asked in asked {
        match asked {
            Asked::Bytes(bytes) | Asked::Ordinary(_, bytes) => batch.add(b'b', bytes),
            Asked::Made(made) => {
                let mut bytes = Vec::new();
                made.write(&mut bytes);
                batch.add(b'm', &bytes);
            }
        }
    }
    batch
}

/// Asks all batches, a few ahead of the answers, and says what was seen.
fn compare(batches: impl Iterator<Item = Vec<Asked>> + Send) -> Option<Tally> {
    let versions = Versions::start()?;
    let compared = on_big_stack(&Budget::default(), move || {
        let mut tally = Tally::default();
        let mut ahead = std::collections::VecDeque::new();
        let answered = |asked: Vec<Asked>, tally: &mut Tally| {
            let answers = versions.receive();
            // Fresh realms: what a value left behind must not reach the next batch.
            check(&asked, &answers, &mut [load(made::ECHO), load(made::CONTRACT)], tally);
        };
        for asked in batches {
            versions.send(batch(&asked));
            ahead.push_back(asked);
            if ahead.len() > 2 {
                answered(ahead.pop_front().unwrap(), &mut tally);
            }
        }
        for asked in ahead {
            answered(asked, &mut tally);
        }
        tally
    });
    Some(compared.unwrap())
}

fn judge(tally: &Tally) {
    println!("{:#?}", tally.counts);
    let wrong: String =
        tally.wrong.iter().map(|(kind, examples)| format!("{kind}\n  {}\n", examples.join("\n  "))).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_versions_read_pack_and_pass_on_what_we_say() {
    let (values, mut generator) = (wanted(), Generator::new(seed()));
    let begun = Instant::now();
    let sizes = (0..values.div_ceil(BATCH)).map(move |number| BATCH.min(values - number * BATCH));
    let Some(tally) = compare(sizes.map(move |size| ask(&mut generator, size))) else { return };
    println!("{values} values in {:.1} s", begun.elapsed().as_secs_f64());
    judge(&tally);
    let count = |what| tally.counts.get(what).copied().unwrap_or_default();
    assert!(count("decoded") > values as u64 / 2, "most values are compared");
    for kind in ["made", "made, by version", "made, with lone surrogates", "echoed", "ordinary and plain"] {
        assert!(count(kind) > 0, "{kind}");
    }
    assert_eq!(count("ordinary, PECULIAR") + count("ordinary, not plain"), 0, "caution hides nothing");
}

#[test]
fn every_form_and_edge_agrees() {
    let mut all = edges::edges().into_iter().map(Asked::Bytes).peekable();
    let batches = std::iter::from_fn(move || {
        all.peek()?;
        Some(all.by_ref().take(500).collect())
    });
    let Some(tally) = compare(batches) else { return };
    judge(&tally);
}
