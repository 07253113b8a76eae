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
    tokio::spawn(async move {
        if let Err(error) = send(file, size, &digest, &sender).await {
            // Whoever downloads may be gone.
            let _ = sender.send(Err(error)).await;
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

/// A file that is being read.
struct Reading {
    file: File,
    left: u64,
    hasher: Hasher,
}

impl Reading {
    fn piece(&mut self) -> Piece {
        let mut piece = vec![0; usize::try_from(self.left).unwrap_or(PIECE).min(PIECE)];
        self.file.read_exact(&mut piece)?;
        self.left -= piece.len() as u64;
        self.hasher.update(&piece);
        Ok(piece.into())
    }
}

/// Reads the file to its end; `Ok` also when nobody listens any more. No thread waits for a slow reader.
async fn send(file: File, size: u64, digest: &Hash, sender: &mpsc::Sender<Piece>) -> std::io::Result<()> {
    let mut reading = Reading { file, left: size, hasher: Hasher::default() };
    let mut held: Option<Bytes> = None;
    while reading.left > 0 {
        let read = tokio::task::spawn_blocking(move || {
            let piece = reading.piece();
            (reading, piece)
        });
        let (back, piece) = read.await?;
        reading = back;
        if let Some(before) = held.replace(piece?)
            && sender.send(Ok(before)).await.is_err()
        {
            return Ok(());
        }
    }
    if reading.hasher.finish() != *digest {
        return Err(std::io::Error::other("the file is damaged"));
    }
    if let Some(last) = held {
        let _ = sender.send(Ok(last)).await;
    }
    Ok(())
}
