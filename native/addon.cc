/* SPDX-License-Identifier: MIT */
/* The only file that knows N-API and libuv. It trusts its arguments: src/native/addon.ts has checked them. */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <napi.h>
#include <uv.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "attached.h"
#include "datagram.h"
#include "destroy.h"
#include "error.h"
#include "maps.h"
#include "memory.h"
#include "object.h"
#include "parsers.h"
#include "pins.h"
#include "policy.h"
#include "programs.h"
#include "ring.h"

namespace sallyport {
namespace {

struct ErrorClass {
	Napi::FunctionReference constructor; /* NativeError of src/native/error.ts */
};

Napi::String code_name(Napi::Env env, int error) {
	const char* name = strerrorname_np(error);
	return Napi::String::New(env, name != nullptr ? name : std::to_string(error));
}

Napi::Error to_js(Napi::Env env, const std::system_error& error, const std::string& step, const std::string& log) {
	const auto& constructor = env.GetInstanceData<ErrorClass>()->constructor;
	return Napi::Error(env, constructor.New({Napi::String::New(env, error.what()), code_name(env, error.code().value()),
	                                         Napi::String::New(env, step), Napi::String::New(env, log)}));
}

template <typename Work>
auto translating_errors(Napi::Env env, Work work) {
	try {
		return work();
	} catch (const Failure& failure) {
		throw to_js(env, failure, failure.step(), failure.log());
	} catch (const std::system_error& error) { /* std::filesystem */
		throw to_js(env, error, "pins", "");
	}
}

const uint8_t* bytes(const Napi::Value& value) { return value.As<Napi::Uint8Array>().Data(); }
size_t length(const Napi::Value& value) { return value.As<Napi::Uint8Array>().ByteLength(); }

Napi::Value give(Napi::Env env, Bytes&& content) {
	/* V8 takes external memory at address 0 for a buffer that was detached. */
	if (content.empty()) return Napi::Buffer<uint8_t>::New(env, 0);
	auto owned = std::make_unique<Bytes>(std::move(content));
	uint8_t* data = owned->data();
	const size_t size = owned->size();
	const auto release = [](Napi::Env, uint8_t*, Bytes* done) { delete done; };
	return Napi::Buffer<uint8_t>::New(env, data, size, release, owned.release());
}

std::array<uint8_t, 16> address(const Napi::Value& value) {
	std::array<uint8_t, 16> result;
	std::copy_n(bytes(value), result.size(), result.begin());
	return result;
}

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

/* In a thread of its own, by a descriptor of its own: the kernel's handles may be closed meanwhile. */
class CountEntries : public Napi::AsyncWorker {
public:
	CountEntries(Napi::Env env, std::string map, Fd fd)
		: AsyncWorker(env), result_(Napi::Promise::Deferred::New(env)), name_(std::move(map)), fd_(std::move(fd)) {}
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

struct CloseHandle {
	void operator()(uv_poll_t* poll) const {
		const auto closed = [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); };
		uv_close(reinterpret_cast<uv_handle_t*>(poll), closed);
	}
};

/* The ring on the event loop: one batch a turn. The poll is level-triggered, so what a batch leaves
 * behind comes in the next turn, after the timers and sockets of this one. Shared, because the callback may stop it. */
class Reader : public std::enable_shared_from_this<Reader> {
public:
	Reader(Napi::Env env, int map, size_t room, Napi::Function on_batch)
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

	size_t drain() {
		if (draining_) return 0; /* called by its own callback, which is not done with the buffer */
		const auto self = shared_from_this();
		const Busy busy(draining_);
		const auto buffer = buffer_.Value();
		const Ring::Batch batch = ring_.drain(buffer.Data(), buffer.Length());
		if (batch.full) wait();
		const auto length = Napi::Number::New(env_, batch.length);
		if (batch.records > 0) on_batch_.MakeCallback(env_.Global(), {buffer, length}, context_);
		return batch.records;
	}

	Ring::Positions positions() const { return ring_.positions(); }

	/* At once, whoever still holds on to this: the ring's descriptor may be closed next. */
	void stop() { poll_.reset(); }

private:
	struct Busy {
		explicit Busy(bool& flag) : flag(flag) { flag = true; }
		~Busy() { flag = false; }
		bool& flag;
	};

	/* Beginning to wait anew makes the kernel look whether there is something: records that were written
	 * without a wake-up announce themselves in no other way. */
	void wait() {
		uv_poll_stop(poll_.get());
		uv_poll_start(poll_.get(), UV_READABLE, on_readable);
	}

	static void on_readable(uv_poll_t* poll, int, int) {
		const auto reader = static_cast<Reader*>(poll->data)->shared_from_this();
		const Napi::HandleScope scope(reader->env_);
		try {
			translating_errors(reader->env_, [&] { return reader->drain(); });
		} catch (const Napi::Error& error) {
			napi_fatal_exception(reader->env_, error.Value());
		}
	}

	Napi::Env env_;
	Napi::AsyncContext context_;
	Ring ring_;
	Napi::FunctionReference on_batch_;
	Napi::Reference<Napi::Buffer<uint8_t>> buffer_;
	std::unique_ptr<uv_poll_t, CloseHandle> poll_;
	bool draining_ = false;
};

class Kernel : public Napi::ObjectWrap<Kernel> {
public:
	explicit Kernel(const Napi::CallbackInfo& info) : ObjectWrap(info) {
		translating_errors(info.Env(), [&] { open(info); });
	}

	static Napi::Function define(Napi::Env env) {
		return DefineClass(env, "Kernel", {
			InstanceAccessor<&Kernel::adopted>("adopted"),
			InstanceMethod<&Kernel::call<&Kernel::shape>>("shape"),
			InstanceMethod<&Kernel::call<&Kernel::install_policy>>("installPolicy"),
			InstanceMethod<&Kernel::call<&Kernel::read_policy>>("readPolicy"),
			InstanceMethod<&Kernel::call<&Kernel::dump>>("dump"),
			InstanceMethod<&Kernel::call<&Kernel::count>>("count"),
			InstanceMethod<&Kernel::call<&Kernel::lookup>>("lookup"),
			InstanceMethod<&Kernel::call<&Kernel::update>>("update"),
			InstanceMethod<&Kernel::call<&Kernel::remove>>("remove"),
			InstanceMethod<&Kernel::call<&Kernel::start>>("start"),
			InstanceMethod<&Kernel::call<&Kernel::drain>>("drain"),
			InstanceMethod<&Kernel::call<&Kernel::positions>>("positions"),
			InstanceMethod<&Kernel::call<&Kernel::stop>>("stop"),
			InstanceMethod<&Kernel::call<&Kernel::programs>>("programs"),
			InstanceMethod<&Kernel::call<&Kernel::test_run>>("testRun"),
			InstanceMethod<&Kernel::call<&Kernel::attach>>("attach"),
			InstanceMethod<&Kernel::call<&Kernel::detach>>("detach"),
			InstanceMethod<&Kernel::call<&Kernel::close>>("close"),
		});
	}

private:
	template <Napi::Value (Kernel::*method)(const Napi::CallbackInfo&)>
	Napi::Value call(const Napi::CallbackInfo& info) {
		return translating_errors(info.Env(), [&] { return (this->*method)(info); });
	}

	void open(const Napi::CallbackInfo& info) {
		LoadOptions options{info[0].ToString(), info[1].ToString(), {}, info[3].ToBoolean()};
		for (const auto& [map, entries] : info[2].As<Napi::Object>()) {
			options.sizes[map.ToString()] = static_cast<Napi::Value>(entries).ToNumber().Uint32Value();
		}
		pins_ = options.pins;
		Loaded loaded = sallyport::load(options);
		handles_ = std::move(loaded.handles);
		prepared_ = std::move(loaded.prepared);
		for (const auto& [name, fd] : handles_.maps) maps_.emplace(name, Map(name, fd.get()));
		policy_ = std::make_unique<Policy>(handles_.maps.at("policy").get(), handles_.maps.at("control").get(),
		                                   pins_);
	}

	const Map& map(const Napi::CallbackInfo& info) const { return maps_.at(info[0].ToString()); }

	Napi::Value adopted(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), handles_.adopted); }

	Napi::Value shape(const Napi::CallbackInfo& info) {
		auto result = Napi::Object::New(info.Env());
		result["keyBytes"] = map(info).key_size();
		result["valueBytes"] = map(info).value_size();
		return result;
	}

	Napi::Value install_policy(const Napi::CallbackInfo& info) {
		policy_->install(bytes(info[0]), length(info[0]), info[1].ToNumber().Uint32Value());
		return info.Env().Undefined();
	}

	Napi::Value read_policy(const Napi::CallbackInfo& info) {
		auto rows = policy_->read();
		return rows ? give(info.Env(), std::move(*rows)) : info.Env().Null();
	}

	Napi::Value dump(const Napi::CallbackInfo& info) {
		Dump dump = map(info).dump();
		auto result = Napi::Object::New(info.Env());
		result["keys"] = give(info.Env(), std::move(dump.keys));
		result["values"] = give(info.Env(), std::move(dump.values));
		result["count"] = dump.count;
		return result;
	}

	Napi::Value count(const Napi::CallbackInfo& info) {
		const std::string name = info[0].ToString();
		const int fd = handles_.maps.at(name).get();
		Fd own(check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "copy a descriptor"));
		auto* worker = new CountEntries(info.Env(), name, std::move(own)); /* deletes itself when it is done */
		const auto promise = worker->promise();
		worker->Queue();
		return promise;
	}

	Napi::Value lookup(const Napi::CallbackInfo& info) {
		auto value = map(info).lookup(bytes(info[1]));
		return value ? give(info.Env(), std::move(*value)) : info.Env().Null();
	}

	Napi::Value update(const Napi::CallbackInfo& info) {
		map(info).update(bytes(info[1]), bytes(info[2]));
		return info.Env().Undefined();
	}

	Napi::Value remove(const Napi::CallbackInfo& info) {
		return Napi::Boolean::New(info.Env(), map(info).remove(bytes(info[1])));
	}

	Napi::Value start(const Napi::CallbackInfo& info) {
		reader_ = std::make_shared<Reader>(info.Env(), handles_.maps.at("events").get(), info[0].ToNumber().Uint32Value(),
		                                   info[1].As<Napi::Function>());
		return info.Env().Undefined();
	}

	Napi::Value drain(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), reader_->drain()); }

	Napi::Value positions(const Napi::CallbackInfo& info) {
		const auto [written, taken] = reader_->positions();
		auto result = Napi::Object::New(info.Env());
		result["written"] = static_cast<double>(written); /* exact up to 2^53 bytes */
		result["taken"] = static_cast<double>(taken);
		return result;
	}

	Napi::Value stop(const Napi::CallbackInfo& info) {
		stop_reading();
		return info.Env().Undefined();
	}

	Napi::Value programs(const Napi::CallbackInfo& info) {
		auto list = Napi::Array::New(info.Env());
		for (const auto& [name, fd] : handles_.programs) {
			const ProgramFacts facts = program_facts(fd.get());
			auto entry = Napi::Object::New(info.Env());
			entry["name"] = name;
			entry["id"] = facts.id;
			entry["verifiedInstructions"] = facts.verified_instructions;
			entry["runTimeNs"] = Napi::BigInt::New(info.Env(), facts.run_time_ns);
			entry["runCount"] = Napi::BigInt::New(info.Env(), facts.run_count);
			list[list.Length()] = entry;
		}
		return list;
	}

	Napi::Value test_run(const Napi::CallbackInfo& info) {
		const Fd& program = handles_.programs.at(info[0].ToString());
		TestRun run = sallyport::test_run(program.get(), bytes(info[1]), length(info[1]), info[2].ToNumber().Int32Value());
		auto result = Napi::Object::New(info.Env());
		result["retval"] = run.retval;
		result["durationNs"] = run.duration_ns;
		result["data"] = give(info.Env(), std::move(run.data));
		return result;
	}

	Napi::Value attach(const Napi::CallbackInfo& info) {
		if (prepared_) prepared_->attach();
		prepared_.reset();
		return info.Env().Undefined();
	}

	Napi::Value detach(const Napi::CallbackInfo& info) {
		prepared_.reset();
		remove_pins(pins_);
		return info.Env().Undefined();
	}

	Napi::Value close(const Napi::CallbackInfo& info) {
		stop_reading();
		policy_.reset();
		prepared_.reset();
		maps_.clear();
		handles_ = {};
		return info.Env().Undefined();
	}

	void stop_reading() {
		if (reader_) reader_->stop();
		reader_.reset();
	}

	std::string pins_;
	Handles handles_{};
	std::unique_ptr<Prepared> prepared_;
	std::map<std::string, Map> maps_;
	std::unique_ptr<Policy> policy_;
	std::shared_ptr<Reader> reader_;
};

Napi::Value destroy_socket_later(const Napi::CallbackInfo& info) {
	const auto name = info[0].As<Napi::Object>();
	bool lossless;
	const Napi::Value netns = name.Get("netns");
	auto* worker = new DestroySocket(info.Env(), { /* deletes itself when it is done */
		static_cast<uint8_t>(name.Get("protocol").ToNumber().Uint32Value()),
		address(name.Get("local")),
		address(name.Get("remote")),
		static_cast<uint16_t>(name.Get("localPort").ToNumber().Uint32Value()),
		static_cast<uint16_t>(name.Get("remotePort").ToNumber().Uint32Value()),
		name.Get("cookie").As<Napi::BigInt>().Uint64Value(&lossless),
		netns.IsNull() ? std::string() : std::string(netns.ToString()),
	});
	const auto promise = worker->promise();
	worker->Queue();
	return promise;
}

Napi::Value send_datagram_to(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { send_datagram(info[0].ToString(), bytes(info[1]), length(info[1])); });
	return info.Env().Undefined();
}

Napi::Value attached_at(const Napi::CallbackInfo& info) {
	return translating_errors(info.Env(), [&] {
		auto list = Napi::Array::New(info.Env());
		for (const auto& [hook, name, id] : attached_programs(info[0].ToString())) {
			auto entry = Napi::Object::New(info.Env());
			entry["hook"] = hook;
			entry["name"] = name;
			entry["id"] = id;
			list[list.Length()] = entry;
		}
		return list;
	});
}

/* What the folder's marker says of it: null if there is none. */
Napi::Value pins_at(const Napi::CallbackInfo& info) {
	return translating_errors(info.Env(), [&]() -> Napi::Value {
		const auto marker = read_marker(std::string(info[0].ToString()));
		if (!marker) return info.Env().Null();
		const Marker wanted = marker_of(info[1].ToString());
		auto result = Napi::Object::New(info.Env());
		result["layout"] = marker->layout;
		result["sameLayout"] = marker->layout == wanted.layout;
		result["samePrograms"] = marker->object == wanted.object;
		result["sameCgroup"] = marker->cgroup == wanted.cgroup;
		return result;
	});
}

Napi::Value remove_pins_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { remove_pins(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

Napi::Value mount_bpffs_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { mount_bpffs(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

/* parse(request, bytes): the request is answered in place; false if it asks for what is not there. */
Napi::Value parse(const Napi::CallbackInfo& info) {
	auto request = info[0].As<Napi::Uint8Array>();
	return Napi::Boolean::New(info.Env(), sp_parse_in_user_space(request.Data(), bytes(info[1]), length(info[1])) == 0);
}

Napi::Value unmount_bpffs_at(const Napi::CallbackInfo& info) {
	translating_errors(info.Env(), [&] { unmount_bpffs(std::string(info[0].ToString())); });
	return info.Env().Undefined();
}

Napi::Value give_back(const Napi::CallbackInfo& info) {
	give_back_memory();
	return info.Env().Undefined();
}

/* The class comes from JavaScript, so that an error is made as what it is caught as. */
Napi::Value set_error_class(const Napi::CallbackInfo& info) {
	info.Env().GetInstanceData<ErrorClass>()->constructor = Napi::Persistent(info[0].As<Napi::Function>());
	return info.Env().Undefined();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
	env.SetInstanceData(new ErrorClass); /* owned by the environment */
	exports["Kernel"] = Kernel::define(env);
	exports["destroySocket"] = Napi::Function::New<destroy_socket_later>(env);
	exports["mountBpffs"] = Napi::Function::New<mount_bpffs_at>(env);
	exports["sendDatagram"] = Napi::Function::New<send_datagram_to>(env);
	exports["attached"] = Napi::Function::New<attached_at>(env);
	exports["pins"] = Napi::Function::New<pins_at>(env);
	exports["removePins"] = Napi::Function::New<remove_pins_at>(env);
	exports["parse"] = Napi::Function::New<parse>(env);
	exports["parseRequestBytes"] = sp_parse_request_size();
	exports["unmountBpffs"] = Napi::Function::New<unmount_bpffs_at>(env);
	exports["giveBackMemory"] = Napi::Function::New<give_back>(env);
	exports["setErrorClass"] = Napi::Function::New<set_error_class>(env);
	exports["libbpfVersion"] = std::string(libbpf_version_string()).substr(1); /* "v1.1" */
	exports["largestRecord"] = Ring::kLargestRecord;
	return exports;
}

} // namespace
} // namespace sallyport

Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) { return sallyport::initialize(env, exports); }
NODE_API_MODULE(sallyport, initialize_addon)
