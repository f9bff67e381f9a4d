use crate::consistency::ConsistencyMonitor;
use crate::ids::*;
use crate::operation::*;
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.split(' ').collect();
    fields[13].parse::<u64>().unwrap() * 10
}
#[test]
fn speed() {
    let x = TopicPartition::new("x", 0);
    let mut monitor = ConsistencyMonitor::default();
    let mut ops = Vec::new();
    let op = |client: u64, outcome, body| Operation {
        index: OperationIndex(0),
        time: Time(0),
        process: Process(client),
        client: ClientId(client as u32),
        outcome,
        phase: Phase::Load,
        body,
        error: None,
    };
    let mut n = 0;
    let mut ends = [0i64; 2];
    let total = 1_000_000;
    let mut count = 0;
    while count < total {
        let client = (n % 8) as u64;
        let send = |offset| {
            Body::Send(Send {
                partition: x.clone(),
                value: Value::packed(client as u16, n as u32, 0),
                offset,
                acks: Acks::All,
            })
        };
        ops.push(op(client, Outcome::Invoke, send(None)));
        ops.push(op(client, Outcome::Ok, send(Some(Offset(n)))));
        count += 1;
        n += 1;
        for reader in 0..2 {
            if n % 10 == reader * 5 && n > ends[reader as usize] {
                let from = ends[reader as usize];
                let records = (from..n)
                    .map(|at| Record {
                        offset: Offset(at),
                        value: Value::packed((at % 8) as u16, at as u32, 0),
                    })
                    .collect();
                let seen =
                    Seen { position: Some(Offset(from)), high_watermark: Some(Offset(n)), ..Seen::default() };
                ends[reader as usize] = n;
                ops.push(op(8 + reader as u64, Outcome::Invoke, Body::Poll(Poll::default())));
                ops.push(op(
                    8 + reader as u64,
                    Outcome::Ok,
                    Body::Poll(Poll {
                        reads: [PartitionRead { partition: x.clone(), records, seen }].into(),
                    }),
                ));
                count += 1;
            }
        }
    }
    let start = cpu();
    for op in &ops {
        monitor.operation(op);
    }
    let folded = cpu();
    let levels = crate::monitor::Monitor::finish(monitor).levels(|_| None, None);
    println!(
        "{count} ops: fold {} ms, levels {} ms, {:?}",
        folded - start,
        cpu() - folded,
        levels.values().next().unwrap().level
    );
}
