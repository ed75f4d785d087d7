# Debian's cross gcc with a private sysroot, tests run by user-mode emulation. Included by a toolchain
# file that sets JKP_ARCH (Debian's name), JKP_TRIPLET, JKP_EMULATOR with its options JKP_EMULATED.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_LIBRARY_ARCHITECTURE ${JKP_TRIPLET})
set(CMAKE_C_COMPILER ${JKP_TRIPLET}-gcc)
string(TOUPPER ${JKP_ARCH}_SYSROOT name)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ${name})

if(NOT ${name})
	execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/mksysroot.sh ${JKP_ARCH}
		OUTPUT_VARIABLE sysroot OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
	if(NOT result EQUAL 0)
		message(FATAL_ERROR "No sysroot for ${JKP_ARCH} (see above). Give one: -D${name}=/path")
	endif()
	set(${name} ${sysroot} CACHE PATH "Root of the ${JKP_ARCH} -dev packages" FORCE)
endif()

set(CMAKE_SYSROOT ${${name}})
set(CMAKE_FIND_ROOT_PATH ${${name}})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# pkg-config must not find the machine's own libraries.
set(ENV{PKG_CONFIG_DIR} "")
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${${name}})
set(ENV{PKG_CONFIG_LIBDIR}
	"${${name}}/usr/lib/${JKP_TRIPLET}/pkgconfig:${${name}}/usr/share/pkgconfig")

find_program(JKP_QEMU_ARM NAMES ${JKP_EMULATOR}-static ${JKP_EMULATOR})
if(JKP_QEMU_ARM)
	set(CMAKE_CROSSCOMPILING_EMULATOR ${JKP_QEMU_ARM} ${JKP_EMULATED} -L ${${name}})
endif()
