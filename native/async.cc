/* SPDX-License-Identifier: MIT */
#include "async.h"

#include <utility>

#include "maps.h"

namespace sallyport {
namespace {

class DestroySocket : public Napi::AsyncWorker {
public:
	DestroySocket(Napi::Env env, SocketName name)
		: AsyncWorker(env), result_(Napi::Promise::Deferred::New(env)), name_(std::move(name)) {}
	Napi::Promise promise() const { return result_.Promise(); }

protected:
	void Execute() override { error_ = destroy_socket(name_); }
	void OnOK() override { result_.Resolve(Napi::Number::New(Env(), error_)); }
	void OnError(const Napi::Error& error) override { result_.Reject(error.Value()); }

private:
	Napi::Promise::Deferred result_;
	SocketName name_;
	int error_ = 0;
};

class CountEntries : public Napi::AsyncWorker {
public:
	CountEntries(Napi::Env env, std::string map, Fd fd)
		: AsyncWorker(env), result_(Napi::Promise::Deferred::New(env)), name_(std::move(map)),
		  fd_(std::move(fd)) {}
	Napi::Promise promise() const { return result_.Promise(); }

protected:
	void Execute() override {
		try {
			const Map map(name_, fd_.get());
			entries_ = map.count();
			capacity_ = map.max_entries();
		} catch (const std::exception& failure) {
			SetError(failure.what());
		}
	}
	void OnOK() override {
		auto result = Napi::Object::New(Env());
		result["entries"] = entries_;
		result["capacity"] = capacity_;
		result_.Resolve(result);
	}
	void OnError(const Napi::Error& error) override { result_.Reject(error.Value()); }

private:
	Napi::Promise::Deferred result_;
	std::string name_;
	Fd fd_;
	size_t entries_ = 0, capacity_ = 0;
};

/* Node deletes the worker when it is done. */
template <typename Worker>
Napi::Promise queue(Worker* worker) {
	const auto promise = worker->promise();
	worker->Queue();
	return promise;
}

} // namespace

Napi::Promise destroy_socket_async(Napi::Env env, SocketName name) {
	return queue(new DestroySocket(env, std::move(name)));
}

Napi::Promise count_entries_async(Napi::Env env, std::string map, Fd fd) {
	return queue(new CountEntries(env, std::move(map), std::move(fd)));
}

} // namespace sallyport
