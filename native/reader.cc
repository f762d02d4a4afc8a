/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include "js.h"

namespace sallyport {
namespace {

struct Busy {
	explicit Busy(bool& flag) : flag(flag) { flag = true; }
	~Busy() { flag = false; }
	bool& flag;
};

} // namespace

Reader::Reader(Napi::Env env, int map, size_t room, Napi::Function on_batch)
	: env_(env), context_(env, "sallyport:ring"), ring_(map), on_batch_(Napi::Persistent(on_batch)),
	  buffer_(Napi::Reference<Napi::Buffer<uint8_t>>::New(Napi::Buffer<uint8_t>::New(env, room), 1)) {
	uv_loop_t* loop = nullptr;
	napi_get_uv_event_loop(env, &loop);
	auto poll = std::make_unique<uv_poll_t>();
	const int failed = uv_poll_init(loop, poll.get(), ring_.fd());
	if (failed != 0) throw Failure(-failed, "poll the ring");
	poll_.reset(poll.release());
	poll_->data = this;
	wait();
}

size_t Reader::drain() {
	if (draining_) return 0; /* called by its own callback, which still uses the buffer */
	const auto self = shared_from_this();
	const Busy busy(draining_);
	const auto buffer = buffer_.Value();
	const Ring::Batch batch = ring_.drain(buffer.Data(), buffer.Length());
	if (batch.full) wait();
	const auto length = Napi::Number::New(env_, batch.length);
	if (batch.records > 0) on_batch_.MakeCallback(env_.Global(), {buffer, length}, context_);
	return batch.records;
}

void Reader::CloseHandle::operator()(uv_poll_t* poll) const {
	const auto closed = [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); };
	uv_close(reinterpret_cast<uv_handle_t*>(poll), closed);
}

/* Restarts the poll, which makes the kernel check the ring. Records that were written without a wake-up are noticed in
 * no other way. */
void Reader::wait() {
	uv_poll_stop(poll_.get());
	uv_poll_start(poll_.get(), UV_READABLE, on_readable);
}

void Reader::on_readable(uv_poll_t* poll, int, int) {
	const auto reader = static_cast<Reader*>(poll->data)->shared_from_this();
	const Napi::HandleScope scope(reader->env_);
	try {
		translating_errors(reader->env_, [&] { return reader->drain(); });
	} catch (const Napi::Error& error) {
		napi_fatal_exception(reader->env_, error.Value());
	}
}

} // namespace sallyport
