//! Proofs to download: files of the evidence folder, by their digest, in pieces, so that a large one costs no memory.
//!
//! The last piece is held back until everything before it was hashed: a file that was damaged on disk ends early, and nobody
//! gets it as if it were whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use futures_core::Stream;
use tokio::sync::mpsc;

use super::handlers::Problem;
use crate::archive::Evidence;
use crate::database::ack::to_hex;
use crate::hypercore::Hash;
use crate::hypercore::hash::Hasher;

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

type Piece = std::io::Result<Bytes>;

/// The file's pieces as they are read.
struct Pieces(mpsc::Receiver<Piece>);

impl Stream for Pieces {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(context)
    }
}

/// The proof with this digest.
pub(super) async fn answer(evidence: &Path, digest: Hash) -> Result<Response, Problem> {
    let path = Evidence::path_in(evidence, &digest);
    let opened = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok::<_, std::io::Error>((file, size))
    });
    let (file, size) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Err(Problem::NotFound),
        _ => return Err(Problem::Unreadable),
    };
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send(file, size, &digest, &sender) {
            // Whoever downloads may be gone.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let mut response = Response::new(Body::from_stream(Pieces(receiver)));
    let name = to_hex(&digest);
    let headers: [(HeaderName, String); 5] = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.vproof\"")),
        (CONTENT_LENGTH, size.to_string()),
        (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (ETAG, format!("\"{name}\"")),
    ];
    for (header, value) in headers {
        response.headers_mut().insert(header, HeaderValue::try_from(value).map_err(|_| Problem::Unreadable)?);
    }
    Ok(response)
}

/// Reads the file to its end; `Ok` also when nobody listens any more.
fn send(mut file: File, size: u64, digest: &Hash, sender: &mpsc::Sender<Piece>) -> std::io::Result<()> {
    let mut hasher = Hasher::default();
    let mut left = size;
    let mut held: Option<Bytes> = None;
    while left > 0 {
        let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        file.read_exact(&mut piece)?;
        left -= piece.len() as u64;
        hasher.update(&piece);
        if let Some(before) = held.replace(piece.into())
            && sender.blocking_send(Ok(before)).is_err()
        {
            return Ok(());
        }
    }
    if hasher.finish() != *digest {
        return Err(std::io::Error::other("the file is damaged"));
    }
    if let Some(last) = held {
        let _ = sender.blocking_send(Ok(last));
    }
    Ok(())
}
