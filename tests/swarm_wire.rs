//! What Hypercore 10.38.2 and 11.37.1 say to each other is read in full and written alike (`tests/interop/record.js`).

use serde_json::{Value as Json, json};
use vitra_watch::swarm::wire::frames::{Frame, Frames};
use vitra_watch::swarm::wire::messages::{Handshake, Message};

fn recorded() -> Vec<Json> {
    include_str!("data/wire.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn bytes(text: &Json) -> Vec<u8> {
    let digits = text.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

/// Protects against reading a field wrongly that happens to be written back the same way: see the next test for values.
#[test]
fn recorded_frames_are_read_to_the_end_and_written_alike() {
    let mut kinds = [0; 10];
    for line in recorded().iter().filter(|line| !line["frame"].is_null()) {
        for frame in Frames::new(&bytes(&line["frame"])) {
            match frame.unwrap_or_else(|e| panic!("{line}: {e}")) {
                Frame::Message { kind, body, .. } => {
                    let message = Message::decode(kind, body).unwrap().unwrap();
                    kinds[kind as usize] += 1;
                    assert_eq!(message.kind(), kind);
                    assert_eq!(message.encode(), body, "{message:?} in {line}");
                }
                Frame::Open { protocol, id, handshake, .. } => {
                    assert_eq!((protocol, id.len()), (&b"hypercore/alpha"[..], 32));
                    assert_eq!(Handshake::decode(handshake).unwrap().encode(), handshake);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // Every message that the two versions send in this session.
    for kind in [0, 1, 3, 5, 8, 9] {
        assert!(kinds[kind] > 0, "no message {kind}: {kinds:?}");
    }
}

/// Protects the meaning of every field: what JavaScript's encoders were given is what is read.
#[test]
fn fields_mean_what_javascript_means() {
    let mut count = 0;
    for line in recorded().iter().filter(|line| line["frame"].is_null()) {
        let kind = match line["kind"].as_str().unwrap() {
            "sync" => 0,
            "request" => 1,
            "cancel" => 2,
            "noData" => 4,
            "want" => 5,
            "unwant" => 6,
            "bitfield" => 7,
            "range" => 8,
            other => panic!("{other}"),
        };
        let read = Message::decode(kind, &bytes(&line["message"])).unwrap().unwrap();
        let mut fields = line["fields"].clone();
        // 10.38 has neither reasons nor `any`.
        if line["version"] == "10.38.2" {
            for (name, value) in [("reason", json!(0)), ("any", json!(false))] {
                if let Some(field) = fields.get_mut(name) {
                    *field = value;
                }
            }
        }
        assert_eq!(shown(&read), fields, "{line}");
        count += 1;
    }
    assert_eq!(count, 28);
}

fn shown(message: &Message) -> Json {
    let pair = |a: &str, b: &str, value: Option<(u64, u64)>| value.map(|(x, y)| json!({a: x, b: y}));
    match message {
        Message::Sync(sync) => json!({
            "canUpgrade": sync.can_upgrade, "uploading": sync.uploading, "downloading": sync.downloading,
            "hasManifest": sync.has_manifest, "allowPush": sync.allow_push,
            "fork": sync.fork, "length": sync.length, "remoteLength": sync.remote_length,
        }),
        Message::Request(request) => json!({
            "id": request.id, "fork": request.fork,
            "block": pair("index", "nodes", request.block.map(|node| (node.index, node.nodes))),
            "hash": pair("index", "nodes", request.hash.map(|node| (node.index, node.nodes))),
            "seek": pair("bytes", "padding", request.seek),
            "upgrade": pair("start", "length", request.upgrade),
            "manifest": request.manifest, "priority": request.priority,
        }),
        Message::Cancel(request) => json!({"request": request}),
        Message::NoData(request, reason) => json!({"request": request, "reason": reason}),
        Message::Want(span, any) | Message::Unwant(span, any) => {
            json!({"start": span.start, "length": span.length, "any": any})
        }
        Message::Bitfield(start, words) => {
            let words = words.iter().enumerate().map(|(i, word)| (i.to_string(), json!(word)));
            json!({"start": start, "bitfield": serde_json::Map::from_iter(words)})
        }
        Message::Range(span, drop) => json!({"drop": drop, "start": span.start, "length": span.length}),
        other => panic!("{other:?}"),
    }
}

/// Protects against panics near what peers really send: frames with bytes changed, cut off and put together.
#[test]
fn damaged_frames_do_no_harm() {
    let recorded = recorded();
    let frames: Vec<Vec<u8>> =
        recorded.iter().filter(|line| !line["frame"].is_null()).map(|line| bytes(&line["frame"])).collect();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..40_000 {
        let mut frame = frames[random(frames.len())].clone();
        for _ in 0..=random(4) {
            let at = random(frame.len());
            match random(4) {
                0 => frame[at] ^= 1 << random(8),
                1 => frame[at] = [0, 1, 0x7f, 0xfc, 0xfd, 0xfe, 0xff][random(7)],
                2 => frame.truncate(at.max(1)),
                _ => frame.extend_from_slice(&frames[random(frames.len())]),
            }
        }
        vitra_watch::fuzzing::wire_message(&frame);
    }
}
