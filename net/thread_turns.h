#pragma once

namespace berth::net {

// What the kernel is told of the calling thread, for machines with fewer cores than busy threads.
// Where it may not be told, or does not know of it, all is as it was.

/// Who waits for it waits for nothing else, and it never works for long: nine times the share of an
/// ordinary thread. Needs root, or a limit that allows it (`LimitNICE=-10`).
///
/// A thread that is woken often beside one that never sleeps has soon had its fair share. When it
/// is woken then, it waits until the other's turn ends: at the next tick of the kernel, after up to
/// 4 ms. With a larger share it has always had less than is its due, and goes first.
void go_first();

/// Others have work in hand that cannot wait: about a tenth of an ordinary share of a core.
void give_way();

/// Much to do at once and little each time, or a disk to wait for: it runs soon after it is woken,
/// even where somebody else's turn has just begun (Linux 6.12); its share stays the same. Without
/// it a sync of 0.1 ms takes 4 where all cores are busy, for the thread has its turn at the next
/// tick.
void take_short_turns();

/// Whoever waits for this core goes first. Where nobody does, it costs less than 1 µs.
///
/// The kernel looks at its tick, every 4 ms, whether the turn of a thread is over, however little
/// its share is. Who is in between two things that can wait need not keep others until then. But
/// what is left of the turn is given up (Linux 6.18), and with it up to 30 ms of waiting: who had
/// to wait long keeps the core for an eighth of that, whatever it offers, and so has its share.
/// Without that, a list in 250 pieces took 8 s where all cores were busy.
void let_others_go();

}  // namespace berth::net
