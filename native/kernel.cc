/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <fcntl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async.h"
#include "js.h"
#include "maps.h"
#include "object.h"
#include "pin_faults.h"
#include "pins.h"
#include "policy.h"
#include "programs.h"
#include "reader.h"

namespace sallyport {
namespace {

class Kernel : public Napi::ObjectWrap<Kernel> {
public:
	explicit Kernel(const Napi::CallbackInfo& info) : ObjectWrap(info) {
		translating_errors(info.Env(), [&] { open(info); });
	}

	static Napi::Function define(Napi::Env env) {
		const std::vector<PropertyDescriptor> properties = {
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
			InstanceMethod<&Kernel::call<&Kernel::link_faults>>("linkFaults"),
			InstanceMethod<&Kernel::call<&Kernel::pin_faults>>("pinFaults"),
			InstanceMethod<&Kernel::call<&Kernel::detach>>("detach"),
			InstanceMethod<&Kernel::call<&Kernel::close>>("close"),
		};
		return DefineClass(env, "Kernel", properties);
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
		cgroup_ = options.cgroup;
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
		return rows ? to_buffer(info.Env(), std::move(*rows)) : info.Env().Null();
	}

	Napi::Value dump(const Napi::CallbackInfo& info) {
		Dump dump = map(info).dump();
		auto result = Napi::Object::New(info.Env());
		result["keys"] = to_buffer(info.Env(), std::move(dump.keys));
		result["values"] = to_buffer(info.Env(), std::move(dump.values));
		result["count"] = dump.count;
		return result;
	}

	Napi::Value count(const Napi::CallbackInfo& info) {
		const std::string name = info[0].ToString();
		const int fd = handles_.maps.at(name).get();
		Fd own(check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "copy a descriptor"));
		return count_entries_async(info.Env(), name, std::move(own));
	}

	Napi::Value lookup(const Napi::CallbackInfo& info) {
		auto value = map(info).lookup(bytes(info[1]));
		return value ? to_buffer(info.Env(), std::move(*value)) : info.Env().Null();
	}

	Napi::Value update(const Napi::CallbackInfo& info) {
		map(info).update(bytes(info[1]), bytes(info[2]));
		return info.Env().Undefined();
	}

	Napi::Value remove(const Napi::CallbackInfo& info) {
		return Napi::Boolean::New(info.Env(), map(info).remove(bytes(info[1])));
	}

	Napi::Value start(const Napi::CallbackInfo& info) {
		reader_ = std::make_shared<Reader>(info.Env(), handles_.maps.at("events").get(),
						   info[0].ToNumber().Uint32Value(), info[1].As<Napi::Function>());
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
		TestRun run = sallyport::test_run(program.get(), bytes(info[1]), length(info[1]),
						  info[2].ToNumber().Int32Value());
		auto result = Napi::Object::New(info.Env());
		result["retval"] = run.retval;
		result["durationNs"] = run.duration_ns;
		result["data"] = to_buffer(info.Env(), std::move(run.data));
		return result;
	}

	Napi::Value attach(const Napi::CallbackInfo& info) {
		if (prepared_)
			prepared_->attach(handles_);
		else
			attach_again(handles_, cgroup_, pins_);
		prepared_.reset();
		return info.Env().Undefined();
	}

	Napi::Value link_faults(const Napi::CallbackInfo& info) {
		auto list = Napi::Array::New(info.Env());
		if (prepared_) return list;
		const auto links = std::filesystem::path(pins_) / "links";
		for (const auto& [program, fault] :
		     sallyport::link_faults(handles_.hooks, handles_.programs, cgroup_, links)) {
			auto entry = Napi::Object::New(info.Env());
			entry["program"] = program;
			entry["fault"] = fault;
			list[list.Length()] = entry;
		}
		return list;
	}

	Napi::Value pin_faults(const Napi::CallbackInfo& info) {
		auto list = Napi::Array::New(info.Env());
		if (prepared_) return list;
		for (const auto& [pin, fault] : sallyport::pin_faults(handles_, cgroup_, pins_)) {
			auto entry = Napi::Object::New(info.Env());
			entry["pin"] = pin;
			entry["fault"] = fault;
			list[list.Length()] = entry;
		}
		return list;
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
	std::string cgroup_;
	Handles handles_{};
	std::unique_ptr<Prepared> prepared_;
	std::map<std::string, Map> maps_;
	std::unique_ptr<Policy> policy_;
	std::shared_ptr<Reader> reader_;
};

} // namespace

Napi::Function define_kernel(Napi::Env env) { return Kernel::define(env); }

} // namespace sallyport
