//! What a power cut leaves of random writes, in every mode.

use highwater_workloads::randomness::stream;

use super::*;

type Image = BTreeMap<String, Vec<u8>>;

fn image(volume: &Volume) -> Image {
    let names = lock(&volume.names);
    names.now.iter().map(|(path, file)| (path.clone(), lock(&file.content).bytes.clone())).collect()
}

/// Does random operations on a few files; gives the disk with what of it is durable.
fn random_operations(rng: &mut Rng) -> (Volume, Image) {
    let volume = Volume::new(1 << 20);
    // What is durable of each file, whatever its name, and which file each durable name means.
    let mut contents: Vec<(Arc<File>, Vec<u8>)> = Vec::new();
    let mut entries: BTreeMap<String, Arc<File>> = BTreeMap::new();
    for _ in 0..60 {
        let dir = ["", "d/"][below(rng, 2) as usize];
        let path = format!("{dir}{}", below(rng, 3));
        let file = volume.open(&path, true).unwrap();
        match below(rng, 9) {
            0..=3 => {
                let (len, byte) = (below(rng, 2_000) as usize, 1 + below(rng, 255) as u8);
                volume.append(&file, &vec![byte; len]).unwrap();
            }
            4 => file.truncate(below(rng, file.size() + 2)),
            5 => {
                volume.sync(&file);
                contents.retain(|(other, _)| !Arc::ptr_eq(other, &file));
                contents.push((file.clone(), file.read_at(0, usize::MAX).to_vec()));
            }
            6 => {
                volume.sync_dir(dir.trim_end_matches('/'));
                let names = lock(&volume.names);
                entries.retain(|path, _| folder(path) != dir.trim_end_matches('/'));
                let synced = names.now.iter().filter(|(path, _)| folder(path) == dir.trim_end_matches('/'));
                entries.extend(synced.map(|(path, file)| (path.clone(), file.clone())));
            }
            7 => volume.rename(&path, &format!("{dir}{}", below(rng, 3))).unwrap(),
            _ => volume.remove(&path).unwrap(),
        }
    }
    let synced = |file: &Arc<File>| contents.iter().find(|(other, _)| Arc::ptr_eq(other, file));
    let durable = |file: &Arc<File>| synced(file).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
    let durable = entries.iter().map(|(path, file)| (path.clone(), durable(file))).collect();
    (volume, durable)
}

#[test]
fn what_is_lost_is_what_was_not_synced() {
    for seed in 0..200 {
        let mut rng = stream(seed, "test", "volume");
        let (volume, durable) = random_operations(&mut rng);
        let before = image(&volume);
        let lost = volume.power_cut(Unsynced::Lost, &mut rng);
        assert_eq!(image(&volume), durable, "seed {seed}");
        for file in lost {
            let (old, new) = (&before[&file.path], durable.get(&file.path).cloned().unwrap_or_default());
            let from = file.from as usize;
            assert!(old[..from] == new[..from] && old.get(from) != new.get(from), "seed {seed}");
            assert_eq!(file.bytes, (old.len() - from) as u64);
        }
    }
}

#[test]
fn whatever_the_mode_the_second_power_cut_takes_nothing_and_the_space_is_accounted_for() {
    for seed in 0..200 {
        for unsynced in [Unsynced::Lost, Unsynced::Prefix, Unsynced::Sectors, Unsynced::Kept] {
            let mut rng = stream(seed, "test", "volume");
            let (volume, _) = random_operations(&mut rng);
            let before = image(&volume);
            let lost = volume.power_cut(unsynced, &mut rng);
            let after = image(&volume);
            if unsynced == Unsynced::Kept {
                assert_eq!((&after, lost.len()), (&before, 0));
            }
            assert_eq!(
                volume.used.load(Ordering::Relaxed),
                after.values().map(|b| b.len() as u64).sum::<u64>()
            );
            assert!(volume.power_cut(Unsynced::Lost, &mut rng).is_empty());
            assert_eq!(image(&volume), after);
        }
    }
}
