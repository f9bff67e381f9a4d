//! Frames: a four-byte length, then that many bytes.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame that is read. A longer one is an error before a byte of it is buffered.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Reads one frame, without its length. `None` when the peer closed the stream between two frames.
pub async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match stream.read(&mut length[filled..]).await? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {length} bytes is longer than the limit of {FRAME_BYTES_MAX}"),
        ));
    }
    let mut frame = BytesMut::zeroed(length);
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame.freeze()))
}

/// Writes one frame. `frame` begins with four bytes that are overwritten with the length, so that the whole
/// leaves in a single write.
pub async fn write_frame<S: AsyncWrite + Unpin>(stream: &mut S, mut frame: BytesMut) -> io::Result<()> {
    let length = u32::try_from(frame.len() - 4).expect("a frame is shorter than 4 GiB");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&frame).await?;
    stream.flush().await
}
