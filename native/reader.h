/* SPDX-License-Identifier: MIT */
/* Reads the ring on the event loop, one batch for each turn. The poll is level-triggered, so the rest comes in the next
 * turn, after the timers and sockets of this one. Shared ownership, because the callback may stop the reader. */
#pragma once

#include <napi.h>
#include <uv.h>

#include <cstddef>
#include <memory>

#include "ring.h"

namespace sallyport {

class Reader : public std::enable_shared_from_this<Reader> {
public:
	/* Calls `on_batch(buffer, length)` for each batch. The buffer has `room` bytes and is reused. */
	Reader(Napi::Env env, int map, size_t room, Napi::Function on_batch);

	/* Returns the number of records in the batch. */
	size_t drain();

	Ring::Positions positions() const { return ring_.positions(); }

	/* Stops at once, even if others still hold a reference: the descriptor of the ring may be closed next. */
	void stop() { poll_.reset(); }

private:
	struct CloseHandle {
		void operator()(uv_poll_t* poll) const;
	};

	void wait();
	static void on_readable(uv_poll_t* poll, int status, int events);

	Napi::Env env_;
	Napi::AsyncContext context_;
	Ring ring_;
	Napi::FunctionReference on_batch_;
	Napi::Reference<Napi::Buffer<uint8_t>> buffer_;
	std::unique_ptr<uv_poll_t, CloseHandle> poll_;
	bool draining_ = false;
};

} // namespace sallyport
