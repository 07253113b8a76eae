//! Signatures of [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
//! over `ID.TIMESTAMP.BODY`, with HMAC-SHA256 (`v1`) or ed25519 (`v1a`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::Hidden;

/// A secret that signs.
pub(super) enum SigningSecret {
    Hmac(Zeroizing<Vec<u8>>),
    Ed25519(Box<SigningKey>),
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Hmac(_) => "Hmac(hidden)",
            Self::Ed25519(_) => "Ed25519(hidden)",
        })
    }
}

impl SigningSecret {
    /// Reads `whsec_…` or `whsk_…`.
    ///
    /// # Errors
    /// What is wrong, without the secret.
    pub(super) fn parse(secret: &Hidden) -> Result<Self, String> {
        let decode = |text: &str| {
            let bytes = BASE64.decode(text).map(Zeroizing::new);
            bytes.map_err(|_| "what follows the prefix of the secret is no base64".to_owned())
        };
        if let Some(text) = secret.reveal().strip_prefix("whsec_") {
            let bytes = decode(text)?;
            if !(24..=64).contains(&bytes.len()) {
                return Err(format!("a whsec_ secret has 24 to 64 bytes, and this one {}", bytes.len()));
            }
            return Ok(Self::Hmac(bytes));
        }
        if let Some(text) = secret.reveal().strip_prefix("whsk_") {
            let bytes = decode(text)?;
            // Some tools write the public key behind the private one.
            let (seed, public) = bytes.split_at_checked(32).unwrap_or((&[], &[]));
            let seed: Zeroizing<[u8; 32]> =
                Zeroizing::new(seed.try_into().map_err(|_| "a whsk_ secret has 32 or 64 bytes".to_owned())?);
            let key = SigningKey::from_bytes(&seed);
            if !public.is_empty() && public != key.verifying_key().as_bytes() {
                return Err("the halves of the whsk_ secret do not belong together".to_owned());
            }
            return Ok(Self::Ed25519(Box::new(key)));
        }
        Err("a secret of Standard Webhooks begins with whsec_ (HMAC) or whsk_ (ed25519)".to_owned())
    }

    /// One signature, as the header has it.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(body);
        match self {
            Self::Hmac(secret) => {
                // HMAC takes keys of any length.
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
                mac.update(&signed);
                format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
            }
            Self::Ed25519(key) => format!("v1a,{}", BASE64.encode(key.sign(&signed).to_bytes())),
        }
    }

    /// The public half, `whpk_…`.
    pub(super) fn public(&self) -> Option<String> {
        match self {
            Self::Hmac(_) => None,
            Self::Ed25519(key) => Some(format!("whpk_{}", BASE64.encode(key.verifying_key().as_bytes()))),
        }
    }
}
