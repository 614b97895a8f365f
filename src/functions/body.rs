//! Reading a request's body with a bound of our own: warp's answers a chunked body with 411, which would put a
//! service hook on probation.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::BodyStream;

/// A body that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// All of it.
    Whole(Bytes),
    /// It was larger than the bound; only its size is known, as far as it was read.
    TooLarge {
        /// Bytes.
        size: u64,
    },
    /// It broke off, or did not come in time.
    BrokenOff,
}

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a body that is too large is still taken, so that the sender gets to read the answer.
const DRAIN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads a body of at most `bytes_max`. What is more is taken and thrown away.
pub(crate) async fn read(body: BodyStream, bytes_max: usize) -> Read {
    tokio::time::timeout(TIMEOUT, read_to_end(body, bytes_max)).await.unwrap_or(Read::BrokenOff)
}

async fn read_to_end(mut body: BodyStream, bytes_max: usize) -> Read {
    let mut whole = BytesMut::new();
    let mut size = 0_u64;
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else { return Read::BrokenOff };
        size += chunk.len() as u64;
        if size <= bytes_max as u64 {
            whole.extend_from_slice(&chunk);
        } else {
            whole = BytesMut::new();
            if size > DRAIN_BYTES_MAX {
                break;
            }
        }
    }
    if size <= bytes_max as u64 { Read::Whole(whole.freeze()) } else { Read::TooLarge { size } }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_chunks(chunks: &[usize], bytes_max: usize) -> Read {
        let chunks: Vec<_> = chunks.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size]))).collect();
        read(Box::pin(futures_util::stream::iter(chunks)), bytes_max).await
    }

    #[tokio::test]
    async fn w8_a_body_is_whole_up_to_the_bound_however_it_is_cut() {
        assert_eq!(read_chunks(&[], 4).await, Read::Whole(Bytes::new()));
        assert_eq!(read_chunks(&[1, 2, 1], 4).await, Read::Whole(Bytes::from("xxxx")));
        assert_eq!(read_chunks(&[1, 2, 2], 4).await, Read::TooLarge { size: 5 });
        assert_eq!(read_chunks(&[9, 1], 4).await, Read::TooLarge { size: 10 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        assert_eq!(read(Box::pin(futures_util::stream::pending()), 4).await, Read::BrokenOff);
    }
}
