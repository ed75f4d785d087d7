# The Debian package, made by CPack: tools/package sets the variables and runs it.
set(JKP_PACKAGE_ARCH "" CACHE STRING "Debian's name of the architecture")
set(JKP_PACKAGE_SUITE "" CACHE STRING "bookworm or trixie")
set(JKP_PACKAGE_REVISION "1" CACHE STRING "what follows the version, with ~debNN")
set(JKP_PACKAGE_DATE "" CACHE STRING "of the changelog entry, in the form of RFC 5322")
set(JKP_PACKAGE_ROOT "" CACHE PATH "root of the libraries of another architecture")
set(JKP_MAINTAINER "jkpylon maintainers <maintainers@jkpylon.invalid>" CACHE STRING
	"who answers for the package")
set(JKP_DEB_VERSION ${PROJECT_VERSION}-${JKP_PACKAGE_REVISION})
set(here ${CMAKE_CURRENT_LIST_DIR})
set(doc ${CMAKE_INSTALL_DATADIR}/doc/jkpylon)

configure_file(${here}/changelog.in changelog @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog DESTINATION ${doc} RENAME changelog.Debian)
install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${doc} RENAME changelog)
install(FILES ${here}/copyright DESTINATION ${doc})
# Last, when everything is in its place: pages and changelogs compressed, the same bytes each time.
install(CODE "
	if(\"\$ENV{DESTDIR}\" STREQUAL \"\")
		message(FATAL_ERROR \"Built for a package: only cpack installs it.\")
	endif()
	file(GLOB_RECURSE pages \"\$ENV{DESTDIR}/usr/share/man/*.[1-8]\")
	execute_process(COMMAND gzip -9nf \${pages} \"\$ENV{DESTDIR}/usr/share/doc/jkpylon/changelog\"
		\"\$ENV{DESTDIR}/usr/share/doc/jkpylon/changelog.Debian\" COMMAND_ERROR_IS_FATAL ANY)")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME jkpylon)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${JKP_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "make a battery with a JK BMS look like a Pylontech battery on CAN")
file(READ ${here}/description CPACK_DEBIAN_PACKAGE_DESCRIPTION)
# Files of the service manager and the configuration lie at absolute places.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
	OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${JKP_PACKAGE_ARCH})
set(CPACK_DEBIAN_PACKAGE_RELEASE ${JKP_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION electronics)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${here}/preinst ${here}/postinst ${here}/prerm ${here}/postrm ${here}/conffiles)
# Loaded when sems.portal is set, and what it believes; a broker's certificate needs the second too.
if(JKP_PACKAGE_SUITE STREQUAL bookworm)
	set(curl libcurl4)
else()
	set(curl "libcurl4t64 | libcurl4")
endif()
# jkpylon-acceptance is a Python program.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "${curl}, ca-certificates, python3, udev")
# The simulated portal is a script that makes certificates with openssl.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "can-utils, mosquitto, openssl, rt-tests")
# Libraries are found when everything is in its place; depends.cmake puts them to the others.
set(CPACK_PRE_BUILD_SCRIPTS ${here}/depends.cmake)
set(CPACK_JKP_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_JKP_ROOT "${JKP_PACKAGE_ROOT}")
set(CPACK_JKP_LIBRARIES ${CMAKE_LIBRARY_ARCHITECTURE})
set(CPACK_JKP_WORK ${CMAKE_CURRENT_BINARY_DIR}/shlibdeps)
include(CPack)
