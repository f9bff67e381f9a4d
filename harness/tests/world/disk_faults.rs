//! Disks that are slow, hang, fail, are full or lie, and damage to what is on them.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::world::sim::{SimConfig, SimFile, SimWorld, TurmoilEnv};
use highwater::world::{Damage, DiskBreak, DiskEffect, NodeId, Unsynced, World, WorldError};
use highwater_broker::env::{Disk, DiskFile, Env, Rng};
use highwater_workloads::randomness::stream;
use highwater_workloads::scenario::{DiskMethod, Errno, Probability};
use tokio::time::Instant;

use super::{MS, Notes, run_for};

const READ: DiskMethod = DiskMethod::Read;
const WRITE: DiskMethod = DiskMethod::Write;
const SYNC: DiskMethod = DiskMethod::Sync;

fn rng(seed: u64) -> Rng {
    stream(seed, "test", "disk fault")
}

fn on(path: &str, effect: DiskEffect) -> DiskBreak {
    DiskBreak { path: Some(path.parse().unwrap()), effect }
}

fn slow(methods: &[DiskMethod], latency: Duration) -> DiskEffect {
    DiskEffect::Slow { methods: methods.iter().copied().collect(), latency }
}

fn stall(methods: &[DiskMethod]) -> DiskEffect {
    DiskEffect::Stall { methods: methods.iter().copied().collect() }
}

fn fail(methods: &[DiskMethod], errno: Errno, probability: &str) -> DiskEffect {
    let probability = Probability::parse(probability).unwrap();
    DiskEffect::Fail { methods: methods.iter().copied().collect(), errno, probability }
}

fn lie() -> DiskEffect {
    DiskEffect::Lie { probability: Probability::CERTAIN }
}

/// How each of some calls went: what, when it returned, and the error if there was one.
type Calls = Notes<(&'static str, Duration, Result<(), ErrorKind>)>;

/// A world whose syncs take no time, with `quorum/*` protected and one node, `b1`.
struct Bench {
    world: SimWorld,
    b1: NodeId,
    calls: Calls,
}

/// Appends four bytes to `a/log` and syncs them, syncs the folder, reads and measures the file; notes it all.
async fn use_disk<E: Env>(env: &E, calls: &Calls) -> io::Result<()> {
    let begin = Instant::now();
    let note = |what, result: Result<(), io::Error>| {
        calls.note((what, begin.elapsed(), result.map_err(|error| error.kind())));
    };
    let file = match env.disk().open("a/log", true).await {
        Ok(file) => file,
        Err(error) => {
            note("open", Err(error));
            return Ok(());
        }
    };
    note("append", file.append(Bytes::from_static(b"data")).await);
    note("sync", file.sync().await);
    note("sync_dir", env.disk().sync_dir("a").await);
    note("read", file.read_at(0, 4).await.map(drop));
    note("size", file.size().await.map(drop));
    Ok(())
}

impl Bench {
    fn new() -> Self {
        let calls = Calls::new();
        let mut world = SimWorld::new(SimConfig {
            sync_latency: (Duration::ZERO, Duration::ZERO),
            protected: vec!["quorum/*".parse().unwrap()],
            ..SimConfig::new(1)
        });
        let noted = calls.clone();
        let b1 = world.add_node("b1", move |life| {
            let calls = noted.clone();
            async move { use_disk(&life.env, &calls).await.map_err(|error| error.to_string()) }
        });
        Self { world, b1, calls }
    }

    /// One life of the node; gives how its calls went.
    fn live(&mut self) -> Vec<(&'static str, Duration, Result<(), ErrorKind>)> {
        self.world.start(self.b1);
        run_for(&mut self.world, 2_000 * MS);
        self.calls.take()
    }

    /// The calls that returned in time.
    fn in_time(&mut self) -> Vec<&'static str> {
        self.live().into_iter().filter(|(_, at, _)| *at < 20 * MS).map(|(what, ..)| what).collect()
    }

    /// The calls that failed.
    fn failed(&mut self) -> Vec<(&'static str, ErrorKind)> {
        self.live().into_iter().filter_map(|(what, _, result)| Some((what, result.err()?))).collect()
    }
}

const ALL: [&str; 5] = ["append", "sync", "sync_dir", "read", "size"];

#[test]
fn a_slow_disk_slows_the_calls_that_it_names_and_latencies_add_up() {
    let mut bench = Bench::new();
    assert_eq!(bench.in_time(), ALL);
    let took = |calls: Vec<(&str, Duration, Result<(), ErrorKind>)>| {
        calls.into_iter().map(|(_, at, result)| result.map(|()| at.as_millis())).collect::<Vec<_>>()
    };
    let first = bench.world.break_disk(bench.b1, &on("a/*", slow(&[SYNC], 100 * MS)), rng(1));
    let elsewhere = bench.world.break_disk(bench.b1, &on("b/*", slow(&[SYNC], 100 * MS)), rng(1));
    assert_eq!(took(bench.live()), [0, 100, 200, 200, 200].map(Ok));
    let second = bench.world.break_disk(bench.b1, &on("a/log", slow(&[WRITE, SYNC], 50 * MS)), rng(1));
    // The folder is that of the first path, and could hold files of the second.
    assert_eq!(took(bench.live()), [50, 200, 350, 350, 350].map(Ok));
    bench.world.heal(first);
    assert_eq!(took(bench.live()), [50, 100, 150, 150, 150].map(Ok));
    bench.world.heal(second);
    assert_eq!(bench.in_time(), ALL);
    let slowed = [first, second, elsewhere].map(|fault| bench.world.effect(fault).calls_slowed);
    assert_eq!(slowed, [4, 6, 0]);
    assert!(!bench.world.effect(elsewhere).bit());
}

#[test]
fn a_disk_hangs_until_the_last_stall_is_healed() {
    let mut bench = Bench::new();
    let first = bench.world.break_disk(bench.b1, &on("a/*", stall(&[SYNC])), rng(1));
    let second = bench.world.break_disk(bench.b1, &on("**", stall(&[SYNC, READ])), rng(1));
    assert_eq!(bench.live().len(), 1, "the append, and no sync");
    bench.world.heal(first);
    run_for(&mut bench.world, 100 * MS);
    assert!(bench.calls.take().is_empty(), "the other stall goes on");
    bench.world.heal(second);
    run_for(&mut bench.world, 100 * MS);
    assert_eq!(bench.calls.take().len(), 4);
    assert_eq!([first, second].map(|fault| bench.world.effect(fault).calls_stalled), [1, 1]);
}

#[test]
fn a_process_that_hangs_in_its_disk_can_be_killed() {
    let mut bench = Bench::new();
    let fault = bench.world.break_disk(bench.b1, &on("a/*", stall(&[SYNC])), rng(1));
    bench.live();
    assert!(bench.world.kill(bench.b1));
    bench.world.heal(fault);
    assert_eq!(bench.in_time(), ALL);
}

#[test]
fn a_failing_disk_fails_the_calls_that_it_names() {
    for (methods, errno, failed) in [
        (READ, Errno::Io, vec![("open", ErrorKind::Other)]),
        (WRITE, Errno::NoSpace, vec![("append", ErrorKind::StorageFull)]),
        (SYNC, Errno::Io, vec![("sync", ErrorKind::Other), ("sync_dir", ErrorKind::Other)]),
    ] {
        let mut bench = Bench::new();
        // The file is there already, or it would be the open that fails.
        bench.live();
        let fault = bench.world.break_disk(bench.b1, &on("a/*", fail(&[methods], errno, "1")), rng(1));
        assert_eq!(bench.failed(), failed, "{methods:?}");
        assert_eq!(bench.world.effect(fault).calls_failed, failed.len() as u64);
        bench.world.heal(fault);
        assert_eq!(bench.failed(), []);
    }
    let mut bench = Bench::new();
    bench.world.break_disk(bench.b1, &on("a/*", fail(&[WRITE], Errno::Io, "1")), rng(1));
    assert_eq!(bench.failed(), [("open", ErrorKind::Other)], "a new file is a write");
}

/// A node that appends `10` bytes a hundred times to `log`, and notes the file's content and which appends went
/// well.
fn appends(effect: DiskEffect, seed: u64) -> (Vec<u8>, Vec<bool>) {
    let mut world = SimWorld::new(SimConfig::new(1));
    let contents = Notes::new();
    let noted = contents.clone();
    let b1 = world.add_node("b1", move |life| {
        let contents = noted.clone();
        async move {
            // A new file would be refused as a whole: the first life makes it.
            let Ok(file) = life.env.disk().open("log", false).await else {
                return life.env.disk().open("log", true).await.map(drop).map_err(|e| e.to_string());
            };
            let mut well = Vec::new();
            for n in 0..100 {
                well.push(file.append(Bytes::from(vec![n; 10])).await.is_ok());
            }
            contents.note((file.read_at(0, 10_000).await.unwrap().to_vec(), well));
            Ok(())
        }
    });
    world.start(b1);
    run_for(&mut world, 10 * MS);
    let fault = world.break_disk(b1, &on("log", effect), rng(seed));
    world.start(b1);
    run_for(&mut world, 100 * MS);
    let (content, well) = contents.take().remove(0);
    let failed = well.iter().filter(|well| !**well).count() as u64;
    assert_eq!(world.effect(fault).calls_failed, failed);
    (content, well)
}

#[test]
fn an_append_that_fails_may_be_there_in_part() {
    let mut parts = BTreeSet::new();
    let mut failures = 0;
    for seed in 0..20 {
        let (content, well) = appends(fail(&[WRITE], Errno::Io, "25%"), seed);
        for (n, well) in well.iter().enumerate() {
            let written = content.iter().filter(|byte| usize::from(**byte) == n).count();
            if *well {
                assert_eq!(written, 10);
            } else {
                failures += 1;
                parts.insert(written);
            }
        }
        assert!(content.is_sorted(), "what is there is there in its order");
    }
    assert!((300..700).contains(&failures), "{failures} of 2000");
    assert_eq!(parts, (0..=10).collect(), "from nothing to all");
}

#[test]
fn a_full_disk_writes_what_fits() {
    let (content, well) = appends(DiskEffect::Full { capacity: Some(234) }, 1);
    assert_eq!(content.len(), 234);
    assert_eq!(well.iter().filter(|well| **well).count(), 23);
    assert_eq!(content[230..], [23; 4]);
    let mut bench = Bench::new();
    let full = DiskBreak { path: None, effect: DiskEffect::Full { capacity: Some(0) } };
    bench.live();
    let fault = bench.world.break_disk(bench.b1, &full, rng(1));
    assert_eq!(bench.failed(), [("append", ErrorKind::StorageFull)]);
    bench.world.heal(fault);
    assert_eq!(bench.failed(), []);
}

#[test]
fn a_disk_that_fills_up_has_room_for_a_part_of_a_sector() {
    let mut lengths = BTreeSet::new();
    for seed in 0..40 {
        let (content, _) = appends(DiskEffect::Full { capacity: None }, seed);
        lengths.insert(content.len());
    }
    assert!(lengths.iter().all(|len| *len < 512) && lengths.len() > 20, "{lengths:?}");
    assert!(lengths.iter().any(|len| len % 10 != 0), "a write is torn: {lengths:?}");
}

/// A node that keeps its files open for the test to use: `a/log` and `quorum/log`.
struct Files {
    world: SimWorld,
    b1: NodeId,
    open: Notes<(TurmoilEnv, [Arc<SimFile>; 2])>,
    contents: Notes<[Vec<u8>; 2]>,
}

impl Files {
    /// The files hold 64 bytes each, durably.
    fn new() -> Self {
        let mut world =
            SimWorld::new(SimConfig { protected: vec!["quorum/*".parse().unwrap()], ..SimConfig::new(1) });
        let (open, contents) = (Notes::new(), Notes::new());
        let (opened, read) = (open.clone(), contents.clone());
        let b1 = world.add_node("b1", move |life| {
            let (open, contents) = (opened.clone(), read.clone());
            async move {
                let mut files = Vec::new();
                let mut found = Vec::new();
                for (dir, path) in [("a", "a/log"), ("quorum", "quorum/log")] {
                    let file = life.env.disk().open(path, true).await.unwrap();
                    if file.size().await.unwrap() == 0 && open.all().is_empty() {
                        file.append(Bytes::from(vec![1; 64])).await.unwrap();
                        file.sync().await.unwrap();
                        life.env.disk().sync_dir(dir).await.unwrap();
                    }
                    found.push(file.read_at(0, 1_000).await.unwrap().to_vec());
                    files.push(Arc::new(file));
                }
                contents.note(found.try_into().unwrap());
                open.note((life.env, files.try_into().ok().unwrap()));
                std::future::pending().await
            }
        });
        let mut this = Self { world, b1, open, contents };
        this.restart();
        this
    }

    /// Starts the node; gives what the files hold.
    fn restart(&mut self) -> [Vec<u8>; 2] {
        self.world.start(self.b1);
        run_for(&mut self.world, 50 * MS);
        self.contents.take().pop().unwrap()
    }

    /// Appends to both files and syncs them, with their folders.
    fn append_and_sync(&mut self, byte: u8) {
        let (env, files) = self.open.all().pop().unwrap();
        let done = Notes::new();
        let noted = done.clone();
        let driver = self.world.add_node(&format!("driver-{byte}"), move |_| {
            let (env, files, done) = (env.clone(), files.clone(), noted.clone());
            async move {
                for (file, dir) in files.iter().zip(["a", "quorum"]) {
                    file.append(Bytes::from(vec![byte; 64])).await.unwrap();
                    file.sync().await.unwrap();
                    env.disk().sync_dir(dir).await.unwrap();
                }
                done.note(());
                Ok(())
            }
        });
        self.world.start(driver);
        run_for(&mut self.world, 50 * MS);
        assert_eq!(done.all().len(), 1);
    }
}

#[test]
fn what_a_lying_sync_promised_is_kept_by_a_kill_and_lost_with_the_power() {
    let mut files = Files::new();
    let fault = files.world.break_disk(files.b1, &DiskBreak { path: None, effect: lie() }, rng(1));
    files.append_and_sync(2);
    files.world.kill(files.b1);
    assert_eq!(files.restart().map(|bytes| bytes.len()), [128, 128]);
    let cut = files.world.power_cut(files.b1, Unsynced::Lost);
    let lost: Vec<_> = cut.files.iter().map(|file| (&*file.path, file.from, file.promised)).collect();
    assert_eq!(lost, [("a/log", 64, true)], "the protected file was synced all the same");
    assert_eq!(files.restart(), [vec![1; 64], [vec![1; 64], vec![2; 64]].concat()]);
    assert_eq!(files.world.effect(fault).syncs_lied, 2, "the file's and the folder's");
}

#[test]
fn a_true_sync_after_the_heal_makes_up_for_the_lies() {
    let mut files = Files::new();
    let fault = files.world.break_disk(files.b1, &on("**", lie()), rng(1));
    files.append_and_sync(2);
    files.world.heal(fault);
    files.append_and_sync(3);
    let cut = files.world.power_cut(files.b1, Unsynced::Lost);
    assert_eq!(cut.files, []);
    assert_eq!(files.restart().map(|bytes| bytes.len()), [192, 192]);
}

#[test]
fn a_bit_flips_in_a_file_that_is_meant_and_nowhere_else() {
    let mut flipped = BTreeSet::new();
    for seed in 0..60 {
        let mut files = Files::new();
        let what = Damage::BitFlip { path: "**".parse().unwrap() };
        let damaged = files.world.damage_disk(files.b1, &what, &mut rng(seed));
        assert_eq!((damaged.len(), &*damaged[0].path, damaged[0].bytes), (1, "a/log", 1));
        files.world.kill(files.b1);
        let [log, quorum] = files.restart();
        assert_eq!(quorum, vec![1; 64]);
        let others: Vec<_> = log.iter().enumerate().filter(|(_, byte)| **byte != 1).collect();
        assert_eq!(others.len(), 1);
        assert_eq!(others[0].0 as u64, damaged[0].from);
        assert!((others[0].1 ^ 1).is_power_of_two());
        flipped.insert(others[0].0);
    }
    assert!(flipped.len() > 30, "the place is drawn: {flipped:?}");
    let mut files = Files::new();
    let nowhere = Damage::BitFlip { path: "b/*".parse().unwrap() };
    assert_eq!(files.world.damage_disk(files.b1, &nowhere, &mut rng(1)), []);
}

#[test]
fn a_torn_end_is_gone_or_zeros() {
    let mut ends = BTreeSet::new();
    for seed in 0..40 {
        let mut files = Files::new();
        files.world.kill(files.b1);
        let bytes = (seed % 2 == 0).then_some(16);
        let what = Damage::TornWrite { path: "**".parse().unwrap(), bytes };
        let damaged = files.world.damage_disk(files.b1, &what, &mut rng(seed));
        let (from, torn) = (damaged[0].from as usize, damaged[0].bytes as usize);
        assert!(from + torn == 64 && bytes.is_none_or(|bytes| bytes == torn as u64));
        let [log, quorum] = files.restart();
        assert_eq!(quorum, vec![1; 64]);
        assert_eq!(log[..from], vec![1; from]);
        assert!(log.len() == from || log[from..] == vec![0; torn]);
        ends.insert((log.len() == from, torn));
    }
    assert!(ends.iter().any(|(cut, _)| *cut) && ends.iter().any(|(cut, _)| !*cut));
    assert!(ends.len() > 10, "{ends:?}");
}

#[test]
fn a_new_disk_is_empty_but_for_what_is_protected() {
    let mut files = Files::new();
    files.append_and_sync(2);
    files.world.kill(files.b1);
    let damaged = files.world.damage_disk(files.b1, &Damage::Wipe, &mut rng(1));
    assert_eq!(damaged.iter().map(|file| (&*file.path, file.bytes)).collect::<Vec<_>>(), [("a/log", 128)]);
    let [log, quorum] = files.restart();
    assert_eq!((log.len(), quorum.len()), (0, 128));
    // Nothing of the old disk comes back with a power loss.
    files.world.power_cut(files.b1, Unsynced::Prefix);
    assert_eq!(files.restart().map(|bytes| bytes.len()), [0, 128]);
}

/// The node ends with an error after it has used its disk.
fn ends_with_an_error(break_it: impl FnOnce(&mut SimWorld, NodeId)) -> Result<usize, WorldError> {
    let mut world = SimWorld::new(SimConfig::new(1));
    let b1 = world.add_node("b1", |life| async move {
        let file = life.env.disk().open("a/log", true).await.map_err(|error| error.to_string())?;
        let bad = file.size().await.is_ok_and(|size| size > 0)
            && file.read_at(0, 4).await.is_ok_and(|bytes| &bytes[..] != b"good");
        let written = file.append(Bytes::from_static(b"good")).await;
        if bad || written.is_err() { Err("my disk failed".to_owned()) } else { Err("I fail".to_owned()) }
    });
    break_it(&mut world, b1);
    world.start(b1);
    for _ in 0..10 {
        world.step()?;
    }
    assert!(!world.is_running(b1));
    Ok(world.take_stopped().len())
}

#[test]
fn a_process_that_fails_is_excused_by_a_fault_that_met_its_disk_and_by_no_other() {
    let failed = |result: Result<usize, WorldError>| matches!(result, Err(WorldError::Failed { .. }));
    assert!(failed(ends_with_an_error(|_, _| ())));
    assert!(failed(ends_with_an_error(|world, b1| {
        world.break_disk(b1, &on("a/*", slow(&[WRITE], MS)), rng(1));
    })));
    assert!(failed(ends_with_an_error(|world, b1| {
        world.break_disk(b1, &on("b/*", fail(&[WRITE], Errno::Io, "1")), rng(1));
    })));
    assert_eq!(
        ends_with_an_error(|world, b1| {
            world.break_disk(b1, &on("a/*", fail(&[WRITE], Errno::Io, "1")), rng(1));
        }),
        Ok(1)
    );
}

#[test]
fn a_flipped_bit_excuses_until_it_is_cut() {
    let mut world = SimWorld::new(SimConfig::new(1));
    let lives = Notes::new();
    let counted = lives.clone();
    let b1 = world.add_node("b1", move |life| {
        let lives = counted.clone();
        async move {
            lives.note(());
            let file = life.env.disk().open("log", true).await.unwrap();
            match lives.all().len() {
                1 => file.append(Bytes::from_static(b"good")).await.map_err(|error| error.to_string()),
                2 => Err("I have read what is not mine".to_owned()),
                _ => {
                    file.truncate(0).await.unwrap();
                    file.sync().await.unwrap();
                    Err("I fail".to_owned())
                }
            }
        }
    });
    let live = |world: &mut SimWorld| {
        world.start(b1);
        (0..10).try_for_each(|_| world.step())
    };
    live(&mut world).unwrap();
    let what = Damage::BitFlip { path: "log".parse().unwrap() };
    assert_eq!(world.damage_disk(b1, &what, &mut rng(1)).len(), 1);
    live(&mut world).unwrap();
    assert_eq!(world.take_stopped(), [(b1, "I have read what is not mine".to_owned())]);
    assert!(matches!(live(&mut world), Err(WorldError::Failed { .. })));
}
