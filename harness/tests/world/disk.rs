//! What a disk keeps when the power goes, and what it refuses.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use highwater::world::sim::{SimConfig, SimFile, SimWorld, TurmoilEnv};
use highwater::world::{Unsynced, World};
use highwater_broker::env::{Disk, DiskFile, Env};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{MS, Notes, exact, run_for};

/// What is on the disk, by path.
type Files = Vec<(&'static str, Bytes)>;

/// Writes `a` (1,000 bytes synced and 4,000 not), `d/b` (synced, its folder not), and puts a new `d/c` in place
/// of an old one without syncing the folder.
async fn write_files<E: Env>(env: E) -> io::Result<()> {
    let disk = env.disk();
    let a = disk.open("a", true).await?;
    a.append(Bytes::from(vec![1; 1_000])).await?;
    a.sync().await?;
    let c = disk.open("d/c", true).await?;
    c.append(Bytes::from_static(b"old")).await?;
    c.sync().await?;
    disk.sync_dir("").await?;
    disk.sync_dir("d").await?;
    let b = disk.open("d/b", true).await?;
    b.append(Bytes::from_static(b"synced")).await?;
    b.sync().await?;
    let new = disk.open("d/c.tmp", true).await?;
    new.append(Bytes::from_static(b"brand new")).await?;
    new.sync().await?;
    disk.rename("d/c.tmp", "d/c").await?;
    a.append(Bytes::from(vec![2; 4_000])).await?;
    assert_eq!(disk.list("").await?, ["a", "d"]);
    assert_eq!(disk.list("d").await?, ["b", "c"]);
    Ok(())
}

async fn read_files<E: Env>(env: E) -> io::Result<Files> {
    let mut files = Vec::new();
    for path in ["a", "d/b", "d/c", "d/c.tmp"] {
        match env.disk().open(path, false).await {
            Ok(file) => files.push((path, file.read_at(0, 10_000).await?)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
    }
    Ok(files)
}

/// What is on the disk after a power loss, and the lost files with their positions.
fn power_loss(seed: u64, unsynced: Unsynced) -> (Files, Vec<(String, u64)>) {
    let mut world = exact(seed);
    let found = Notes::new();
    let noted = found.clone();
    let b1 = world.add_node("b1", move |life| {
        let found = noted.clone();
        async move {
            let files = read_files(life.env.clone()).await.unwrap();
            if files.is_empty() {
                write_files(life.env).await.unwrap();
            } else {
                found.note(files);
            }
            std::future::pending().await
        }
    });
    world.start(b1);
    run_for(&mut world, 100 * MS);
    let cut = world.power_cut(b1, unsynced);
    world.start(b1);
    run_for(&mut world, 100 * MS);
    (found.take().remove(0), cut.files.into_iter().map(|file| (file.path, file.from)).collect())
}

#[test]
fn a_power_loss_takes_what_was_not_synced() {
    let (files, lost) = power_loss(1, Unsynced::Lost);
    assert_eq!(files, [("a", Bytes::from(vec![1; 1_000])), ("d/c", Bytes::from_static(b"old"))]);
    let lost_from = [("a", 1_000), ("d/b", 0), ("d/c", 0)].map(|(path, from)| (path.to_owned(), from));
    assert_eq!(lost, lost_from);

    let (files, lost) = power_loss(1, Unsynced::Kept);
    assert_eq!(
        files.iter().map(|(path, bytes)| (*path, bytes.len())).collect::<Vec<_>>(),
        [("a", 5_000), ("d/b", 6), ("d/c", 9)]
    );
    assert!(lost.is_empty());
}

/// Keeps the events of one target, as `name=value` words.
struct Events(Notes<String>);

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "highwater::disk"
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.note(words.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all");
    }
}

#[test]
fn what_a_disk_lost_is_told_as_events() {
    let events = Notes::new();
    tracing::subscriber::with_default(Events(events.clone()), || power_loss(1, Unsynced::Lost));
    assert_eq!(
        events.all(),
        [
            "event=\"lost\" broker=b1 file=a from=1000 ",
            "event=\"lost\" broker=b1 file=d/b from=0 ",
            "event=\"lost\" broker=b1 file=d/c from=0 ",
        ]
    );
}

#[test]
fn a_power_loss_may_keep_a_torn_prefix() {
    let mut lengths = BTreeSet::new();
    let mut replaced = [0, 0];
    for seed in 0..40 {
        let (files, lost) = power_loss(seed, Unsynced::Prefix);
        let (_, a) = &files[0];
        assert!(a[..1_000].iter().all(|byte| *byte == 1) && a[1_000..].iter().all(|byte| *byte == 2));
        assert!(a.len() == 1_000 || a.len() == 5_000 || a.len() % 512 == 0, "{}", a.len());
        assert_eq!(a.len() < 5_000, lost.contains(&("a".to_owned(), a.len() as u64)));
        lengths.insert(a.len());
        let (_, c) = files.iter().find(|(path, _)| *path == "d/c").unwrap();
        replaced[usize::from(&c[..] == b"brand new")] += 1;
        assert!(&c[..] == b"old" || &c[..] == b"brand new");
        // What comes later in the journal is there only with all that came before.
        let has = |path| files.iter().any(|(p, _)| *p == path);
        assert!(has("d/b") || !has("d/c.tmp"));
        assert!(&c[..] == b"old" || (has("d/b") && !has("d/c.tmp")));
    }
    assert!(lengths.len() > 4, "{lengths:?}");
    assert!(replaced.iter().all(|count| *count > 0), "{replaced:?}");
}

#[test]
fn a_power_loss_may_keep_any_sectors() {
    let mut holes = 0;
    for seed in 0..40 {
        let (files, lost) = power_loss(seed, Unsynced::Sectors);
        let (_, a) = &files[0];
        assert!(a[..1_000].iter().all(|byte| *byte == 1));
        let sectors =
            std::iter::once(&a[1_000..a.len().min(1_024)]).chain(a[a.len().min(1_024)..].chunks(512));
        for sector in sectors {
            assert!(sector.iter().all(|byte| *byte == 2) || sector.iter().all(|byte| *byte == 0));
        }
        let intact = a.iter().take_while(|byte| **byte != 0).count();
        holes += usize::from(intact < a.len());
        assert_eq!(intact < 5_000, lost.contains(&("a".to_owned(), intact as u64)));
    }
    assert!(holes > 10, "{holes}");
}

#[test]
fn a_disk_handle_of_a_former_life_fails() {
    let mut world = exact(1);
    let handles: Notes<(TurmoilEnv, Arc<SimFile>)> = Notes::new();
    let errors = Notes::new();
    let (kept, noted) = (handles.clone(), errors.clone());
    let b1 = world.add_node("b1", move |life| {
        let (handles, errors) = (kept.clone(), noted.clone());
        async move {
            let file = Arc::new(life.env.disk().open("a", true).await.unwrap());
            file.append(Bytes::from_static(b"x")).await.unwrap();
            if let Some((env, former)) = handles.all().pop() {
                errors.note((
                    env.disk().list("").await.is_err(),
                    former.append(Bytes::from_static(b"y")).await.is_err(),
                ));
                errors.note((file.size().await.unwrap() == 2, true));
            }
            handles.note((life.env, file));
            std::future::pending().await
        }
    });
    world.start(b1);
    run_for(&mut world, 4 * MS);
    world.kill(b1);
    world.start(b1);
    run_for(&mut world, 4 * MS);
    assert_eq!(errors.all(), [(true, true), (true, true)]);
}

#[test]
fn a_full_disk_says_so() {
    let kinds = Notes::new();
    let noted = kinds.clone();
    let mut world = SimWorld::new(SimConfig { disk_bytes_max: 1_000, ..SimConfig::new(1) });
    let b1 = world.add_node("b1", move |life| {
        let kinds = noted.clone();
        async move {
            let disk = life.env.disk();
            let file = disk.open("a", true).await.unwrap();
            file.append(Bytes::from(vec![0; 900])).await.unwrap();
            kinds.note(file.append(Bytes::from(vec![0; 200])).await.map_err(|e| e.kind()));
            disk.remove("a").await.unwrap();
            disk.sync_dir("").await.unwrap();
            drop(file);
            kinds.note(
                disk.open("b", true)
                    .await
                    .unwrap()
                    .append(Bytes::from(vec![0; 900]))
                    .await
                    .map_err(|e| e.kind()),
            );
            Ok(())
        }
    });
    world.start(b1);
    run_for(&mut world, 20 * MS);
    assert_eq!(kinds.all(), [Err(ErrorKind::StorageFull), Ok(())]);
}
