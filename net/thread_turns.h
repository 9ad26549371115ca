#pragma once

namespace berth::net {

// What the kernel is told of the calling thread, for machines with fewer cores than busy threads.
// Where it may not be told, or does not know of it, all is as it was.

/// Others have work in hand that cannot wait: about a tenth of a shard's share of a core.
void give_way();

/// Much to do at once and little each time: it runs soon after it is woken, even where somebody
/// else's turn has just begun (Linux 6.12).
void take_short_turns();

}  // namespace berth::net
