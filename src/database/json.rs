//! Values from the JSON that people write: the forms of `docs/json.md`, read.

use serde_json::Value as Json;

use super::Value;

/// Why JSON is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{form} is not the form of a value")]
pub struct FormError {
    /// The form, as it was written.
    pub form: Box<str>,
}

/// Reads a value. An object whose only key begins with `$` is one of the forms of `docs/json.md`: `$undefined`,
/// `$bigint`, `$number`, `$date`, `$bytes`, `$text`, `$object`.
///
/// # Errors
/// [`FormError`] for such an object that is none of them. The depth is that of the JSON, which its parser limits.
pub fn from_json(json: &Json) -> Result<Value, FormError> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::num(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::str(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(pairs) => match pairs.iter().next().filter(|(key, _)| key.starts_with('$')) {
            Some((key, inner)) => {
                let read = (pairs.len() == 1).then(|| form(key, inner)).transpose()?.flatten();
                read.ok_or_else(|| FormError { form: json.to_string().into() })?
            }
            None => {
                let pair = |(key, item): (&String, &Json)| Ok((key.as_str().into(), from_json(item)?));
                Value::object(pairs.iter().map(pair).collect::<Result<_, FormError>>()?)
            }
        },
    })
}

fn form(key: &str, inner: &Json) -> Result<Option<Value>, FormError> {
    Ok(match (key, inner) {
        ("$undefined", Json::Bool(true)) => Some(Value::Undefined),
        ("$bigint", Json::String(digits)) => {
            let number = digits.parse().ok();
            let fits = |n: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(n);
            number.filter(fits).map(Value::BigInt)
        }
        ("$number", Json::String(name)) => match name.as_str() {
            "NaN" => Some(Value::Num(f64::NAN)),
            "Infinity" => Some(Value::Num(f64::INFINITY)),
            "-Infinity" => Some(Value::Num(f64::NEG_INFINITY)),
            _ => None,
        },
        ("$date", Json::Null) => Some(Value::Date(f64::NAN)),
        ("$date", Json::Number(ms)) => ms.as_f64().map(Value::Date),
        ("$bytes", Json::String(hex)) => bytes(hex).map(|bytes| Value::Bytes(bytes.into())),
        ("$text", Json::String(text)) => Some(Value::str(text.as_str())),
        ("$object", Json::Array(pairs)) => {
            let mut read = Vec::new();
            for pair in pairs {
                let Json::Array(pair) = pair else { return Ok(None) };
                let [key, item] = pair.as_slice() else { return Ok(None) };
                let Value::Str(key) = from_json(key)? else { return Ok(None) };
                read.push((key, from_json(item)?));
            }
            Some(Value::object(read))
        }
        _ => None,
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_is_read_and_no_other() {
        let read = |json| from_json(&json);
        let pair = |key: &str, value| Value::object(vec![(key.into(), value)]);
        for (json, value) in [
            (
                json!([1.5, "x", null, true]),
                Value::Array(vec![Value::num(1.5), Value::str("x"), Value::Null, Value::Bool(true)]),
            ),
            (json!({ "a": { "$undefined": true } }), pair("a", Value::Undefined)),
            (json!({ "$bigint": "18446744073709551615" }), Value::BigInt(u64::MAX.into())),
            (json!({ "$number": "-Infinity" }), Value::Num(f64::NEG_INFINITY)),
            (json!({ "$date": 5 }), Value::Date(5.0)),
            (json!({ "$bytes": "00fF" }), Value::Bytes([0, 255].into())),
            (json!({ "$text": "$a" }), Value::str("$a")),
            (json!({ "$object": [["$a", 1]] }), pair("$a", Value::num(1.0))),
        ] {
            let found = read(json.clone()).unwrap();
            assert!(Value::Array(vec![found]).same(&Value::Array(vec![value])), "{json}");
        }
        for json in [
            json!({ "$a": 1 }),
            json!({ "$bigint": "18446744073709551616" }),
            json!({ "$bytes": "0" }),
            json!({ "$undefined": false }),
            json!([{ "$text": "a", "b": 1 }]),
            json!({ "$object": [[1, 1]] }),
        ] {
            assert!(read(json.clone()).is_err(), "{json}");
        }
    }
}
