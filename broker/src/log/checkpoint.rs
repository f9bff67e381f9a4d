//! Small text files that are replaced as a whole: the old content or the new one, never a mixture.

use std::fmt::Write;

use bytes::Bytes;

use super::error::LogError;
use crate::env::{Disk, DiskFile};

/// Larger files are not checkpoints of ours.
const BYTES_MAX: u64 = 64 << 20;

/// Replaces the file at `path` by `lines` under a line with their CRC-32C. Durable once it returns.
pub(super) async fn store<D: Disk>(disk: &D, path: &str, lines: Vec<String>) -> Result<(), LogError> {
    let mut body = lines.join("\n");
    body.push('\n');
    let mut text = String::with_capacity(body.len() + 9);
    writeln!(text, "{:08x}", crc32c::crc32c(body.as_bytes())).expect("a String takes all that is written");
    text.push_str(&body);

    let temporary = format!("{path}.tmp");
    let failed = |action| LogError::io(action, &temporary);
    let file = disk.open(&temporary, true).await.map_err(failed("create"))?;
    file.truncate(0).await.map_err(failed("empty"))?;
    file.append(Bytes::from(text)).await.map_err(failed("write"))?;
    // Without this sync, power loss can leave the new name on an empty file (KAFKA-16541).
    file.sync().await.map_err(failed("sync"))?;
    drop(file);
    disk.rename(&temporary, path).await.map_err(failed("rename"))?;
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    disk.sync_dir(dir).await.map_err(LogError::io("sync the folder of", path))
}

/// The lines of the checkpoint at `path`; `None` if there is none, or none that can be trusted.
pub(super) async fn load<D: Disk>(disk: &D, path: &str) -> Result<Option<Vec<String>>, LogError> {
    let file = match disk.open(path, false).await {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(LogError::io("open", path))?,
    };
    let size = file.size().await.map_err(LogError::io("measure", path))?;
    let bytes = file.read_at(0, size.min(BYTES_MAX) as usize).await.map_err(LogError::io("read", path))?;
    let lines = trusted_lines(&bytes);
    if lines.is_none() {
        tracing::warn!(path, "the checkpoint is damaged and counts as missing");
    }
    Ok(lines)
}

fn trusted_lines(bytes: &[u8]) -> Option<Vec<String>> {
    let (crc, body) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let intact = u32::from_str_radix(crc, 16).ok()? == crc32c::crc32c(body.as_bytes());
    intact.then(|| body.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::env::tokio::TokioEnv;

    #[tokio::test]
    async fn what_is_stored_is_loaded_and_any_flipped_bit_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let env = TokioEnv::new(root.path().to_owned(), 0);
        let disk = env.disk();
        assert_eq!(load(disk, "a/list").await.unwrap(), None);
        for lines in [vec![], vec!["one 1".to_owned()], vec!["one 1".to_owned(), "two 2".to_owned()]] {
            store(disk, "a/list", lines.clone()).await.unwrap();
            assert_eq!(load(disk, "a/list").await.unwrap(), Some(lines));
            assert_eq!(disk.list("a").await.unwrap(), ["list"]);
        }
        let path = root.path().join("a/list");
        let good = std::fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // The checksum's hex digits read the same in capitals: that flip changes no value.
            if bad.eq_ignore_ascii_case(&good) && bit / 8 < 8 {
                continue;
            }
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(load(disk, "a/list").await.unwrap(), None, "bit {bit}");
        }
    }
}
